import { isRoot } from '../../files/ownership.ts'
import * as libc from '../../kernel/libc.ts'
import { folderOf, logFiles } from './database-path.ts'

/** The folder of the pool unless a setting names another. */
export const DEFAULT_FOLDER = '/var/lib/canhazgpu'

/** Folder modes of earlier releases: for everyone, and for a group. */
export const OLD_FOLDER_MODES: readonly number[] = [0o1777, 0o3770]

/** Whether this process may set the owner and mode of the pool's files. */
export function mayRepair(database: string): boolean {
  const look = libc.statusOf(database)
  return isRoot() || (typeof look !== 'number' && look.uid === libc.effectiveUid())
}

/** For root: whether the owner or mode of a file keeps users from the pool, or an earlier release made the folder. */
export function needsRepair(database: string): boolean {
  if (!isRoot()) return false
  const pool = libc.statusOf(database)
  if (typeof pool === 'number') return false
  const isLogOdd = logFiles(database).some((file) => {
    const look = libc.statusOf(file)
    return typeof look !== 'number' && (look.uid !== pool.uid || look.mode !== pool.mode)
  })
  return isLogOdd || isOldFolder(folderOf(database))
}

function isOldFolder(folder: string): boolean {
  const look = libc.statusOf(folder)
  if (typeof look === 'number' || look.uid !== 0) return false
  return (
    OLD_FOLDER_MODES.includes(look.mode & 0o7777) || (folder === DEFAULT_FOLDER && (look.mode & 0o022) !== 0)
  )
}
