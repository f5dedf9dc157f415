import { existsSync, lstatSync, readdirSync, renameSync, rmdirSync, rmSync } from 'node:fs'
import { basename, dirname } from 'node:path'
import { isRenamableByOthers } from '../../files/ownership.ts'
import { close, createFile, lockExclusive } from '../../kernel/libc/descriptors.ts'
import { errorText } from '../../kernel/libc/library.ts'
import { effectiveUid } from '../../kernel/libc/rights.ts'
import { poolIn } from '../schema/examination.ts'
import { storeError } from '../sqlite-errors.ts'
import { syncFolders } from './pool-files.ts'

/**
 * This file is in the folder of a damaged pool until another pool has replaced it. It is locked by the process that
 * replaces the pool, so an interrupted replacement is told from one that goes on.
 */
const MARK = 'unfinished'

/** The database moves back last: no other process may open it without its log. */
const MOVED_BACK = ['-wal', '-shm', '']

/** A damaged pool that was moved into a folder, and is not replaced yet. */
export class Unfinished {
  readonly #folder: string
  readonly #lock: number

  /** Locks the mark of the folder, and makes it if necessary. Throws if another process has locked it. */
  constructor(folder: string) {
    this.#folder = folder
    this.#lock = createFile(`${folder}/${MARK}`, 0o600)
    const failure = this.#lock < 0 ? this.#lock : lockExclusive(this.#lock)
    if (failure < 0) {
      if (this.#lock >= 0) close(this.#lock)
      throw new Error(`${folder}/${MARK} cannot be locked: ${errorText(-failure)}`)
    }
  }

  /** Another pool has replaced it. */
  finish(): void {
    rmSync(`${this.#folder}/${MARK}`, { force: true })
    close(this.#lock)
  }

  /** Moves the damaged pool back to its path, and removes what is there. Throws `store-unavailable`. */
  putBack(path: string): void {
    const kept = `${this.#folder}/${basename(path)}`
    try {
      const isReplaced = existsSync(path)
      for (const ending of MOVED_BACK) {
        if (existsSync(kept + ending)) renameSync(kept + ending, path + ending)
        // Otherwise it is the log of the damaged pool, which was not moved yet.
        else if (isReplaced) rmSync(path + ending, { force: true })
      }
      this.finish()
      rmdirSync(this.#folder)
      syncFolders(dirname(path), dirname(path))
    } catch (cause) {
      throw storeError(kept, cause)
    }
  }
}

/** Puts a damaged pool back whose replacement was interrupted, unless there is another pool by now. */
export function putBackUnfinishedAt(path: string): void {
  const folder = unfinishedFor(path)
  if (folder === undefined || isPoolAt(path)) return
  let unfinished: Unfinished
  try {
    unfinished = new Unfinished(folder)
  } catch {
    // Another administrator replaces it at this moment.
    return
  }
  unfinished.putBack(path)
}

/** Others could have made a folder with such a name. */
function unfinishedFor(path: string): string | undefined {
  const parent = dirname(path)
  if (!existsSync(parent) || isRenamableByOthers(parent)) return undefined
  return readdirSync(parent)
    .filter((name) => name.startsWith(`${basename(path)}.damaged-`))
    .map((name) => `${parent}/${name}`)
    .find((folder) => lstatSync(folder).uid === effectiveUid() && existsSync(`${folder}/${MARK}`))
}

const isPoolAt = (path: string): boolean => existsSync(path) && poolIn(path) !== null
