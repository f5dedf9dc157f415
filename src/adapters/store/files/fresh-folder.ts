import { lstatSync, mkdtempSync, readdirSync, rmdirSync, unlinkSync } from 'node:fs'
import { dirname } from 'node:path'
import { CanhazgpuError } from '../../../domain/errors.ts'
import { isRenamableByOthers } from '../../files/ownership.ts'
import { effectiveUid } from '../../kernel/libc.ts'

/** Throws `permission-denied` where others could put a link in the place of a folder that we make beside the database. */
export function refuseRenamable(database: string): void {
  const folder = dirname(database)
  if (!isRenamableByOthers(folder)) return
  throw new CanhazgpuError(
    'permission-denied',
    `The pool ${database} is not set up or repaired in ${folder}, where other users can rename its files`,
    { hint: `'sudo chown root ${folder} && sudo chmod 755 ${folder}' prevents it` },
  )
}

/**
 * Uses a new folder beside the database that only we can write, under a name that nobody can foresee. What is left in
 * it is removed.
 */
export function withFreshFolder<Result>(database: string, use: (folder: string) => Result): Result {
  refuseRenamable(database)
  const folder = mkdtempSync(`${database}.new-`)
  try {
    return use(folder)
  } finally {
    discard(folder)
  }
}

/**
 * Removes two levels at most. Deeper in a folder that somebody else made and moves about while we look, a link could
 * lead to other files of the machine; such a folder stays.
 */
function discard(folder: string, depth = 1): void {
  for (const name of readdirSync(folder)) {
    const path = `${folder}/${name}`
    const isFolder = lstatSync(path).isDirectory()
    if (!isFolder) unlinkSync(path)
    else if (depth > 0 && isOwn(path)) discard(path, depth - 1)
  }
  try {
    rmdirSync(folder)
  } catch {
    // It stays, with what is in it; its name says where it comes from.
  }
}

const isOwn = (path: string): boolean => lstatSync(path).uid === effectiveUid()
