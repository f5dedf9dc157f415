import { isRoot } from '../../files/ownership.ts'
import { statusOf } from '../../kernel/libc/paths.ts'
import { effectiveUid } from '../../kernel/libc/rights.ts'
import { folderOf, logFiles } from './database-path.ts'

/** The folder of the pool unless a setting names another. */
export const DEFAULT_FOLDER = '/var/lib/canhazgpu'

/** Folder modes of earlier releases: for everyone, and for a group. */
export const OLD_FOLDER_MODES: readonly number[] = [0o1777, 0o3770]

/** Whether this process may set the owner and mode of the pool's files. */
export function mayRepair(database: string): boolean {
  const status = statusOf(database)
  return isRoot() || (typeof status !== 'number' && status.uid === effectiveUid())
}

/** For root: whether a file or the folder has a wrong owner or mode, or the mode of an earlier release. */
export function needsRepair(database: string): boolean {
  if (!isRoot()) return false
  const pool = statusOf(database)
  if (typeof pool === 'number') return false
  const isLogWrong = logFiles(database).some((file) => {
    const status = statusOf(file)
    return typeof status !== 'number' && (status.uid !== pool.uid || status.mode !== pool.mode)
  })
  return isLogWrong || isOldFolder(folderOf(database))
}

function isOldFolder(folder: string): boolean {
  const status = statusOf(folder)
  if (typeof status === 'number' || status.uid !== 0) return false
  return (
    OLD_FOLDER_MODES.includes(status.mode & 0o7777) ||
    (folder === DEFAULT_FOLDER && (status.mode & 0o022) !== 0)
  )
}
