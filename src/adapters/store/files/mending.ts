import { isRoot } from '../../files/ownership.ts'
import * as libc from '../../kernel/libc.ts'
import { folderOf, logFiles } from './beside.ts'

/** The folder of the pool unless a setting names another. */
export const DEFAULT_FOLDER = '/var/lib/canhazgpu'

/** Modes that earlier releases gave the folders they created: for everyone, and for a group. */
export const OLD_FOLDER_MODES: readonly number[] = [0o1777, 0o3770]

/** Whether we may give the files of the pool their owner and mode. */
export function mayMend(database: string): boolean {
  const look = libc.statusOf(database)
  return isRoot() || (typeof look !== 'number' && look.uid === libc.effectiveUid())
}

/** Whether root finds files whose owner or mode keeps others from the pool, or a folder of an earlier release. */
export function needsMending(database: string): boolean {
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
