import { lstatSync, mkdtempSync, readdirSync, rmdirSync, unlinkSync } from 'node:fs'
import { dirname } from 'node:path'
import { CanhazgpuError } from '../../../domain/errors.ts'
import { isRenamableByOthers } from '../../files/ownership.ts'
import { effectiveUid } from '../../kernel/libc/rights.ts'

/** Throws `permission-denied` if others could replace a folder that we create beside the database with a link. */
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
 * Uses a new folder beside the database that only we can write, with a name that cannot be predicted. Removes the
 * folder and the files in it afterwards.
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
 * Removes two levels at most. Another user could move a deeper folder during the removal and put a link in its place,
 * which leads to other files of the machine. So a deeper folder stays.
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
    // The folder stays with its contents. Its name shows which program created it.
  }
}

const isOwn = (path: string): boolean => lstatSync(path).uid === effectiveUid()
