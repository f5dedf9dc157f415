import {
  chmodSync,
  chownSync,
  closeSync,
  constants,
  existsSync,
  fchmodSync,
  fchownSync,
  fstatSync,
  fsyncSync,
  openSync,
  readdirSync,
  type Stats,
} from 'node:fs'
import { basename, dirname } from 'node:path'
import { O_PATH } from '../../kernel/libc/descriptors.ts'
import { effectiveUid } from '../../kernel/libc/rights.ts'
import { bellFiles, wakeFile } from '../changes.ts'
import { logFiles, notRegular } from './database-path.ts'
import { DEFAULT_FOLDER, OLD_FOLDER_MODES } from './repair.ts'

/** Who may write a pool: every user of the machine, one Unix group, or only its owner (the daemon). */
export type Audience =
  | { readonly kind: 'everyone' }
  | { readonly kind: 'group'; readonly gid: number }
  | { readonly kind: 'owner' }

const MODES = {
  everyone: { file: 0o666, folder: 0o755 },
  group: { file: 0o660, folder: 0o750 },
  owner: { file: 0o600, folder: 0o700 },
} as const

/** The files beside the database that belong to it. */
export const companionFiles = (path: string): readonly string[] => [
  ...logFiles(path),
  wakeFile(path),
  ...bellFiles(path),
]

/** Names that this program uses for files and folders beside the database. */
export function isPoolName(database: string, name: string): boolean {
  const base = basename(database)
  const known = [
    'stops',
    base,
    ...['-wal', '-shm', '-wake', '-bells', '-daemon'].map((ending) => base + ending),
  ]
  return known.includes(name) || name.startsWith(`${base}.damaged-`) || name.startsWith(`${base}.new-`)
}

/** The audience of a file; null if others may read it and only its owner may write it. */
export function audienceOf({ mode, gid }: Pick<Stats, 'mode' | 'gid'>): Audience | null {
  if ((mode & 0o006) === 0o006) return { kind: 'everyone' }
  if ((mode & 0o060) === 0o060) return { kind: 'group', gid }
  return (mode & 0o077) === 0 ? { kind: 'owner' } : null
}

/**
 * Shares the database and the existing files beside it with the audience. If root calls it, files that another user
 * put into a folder of root become root's.
 */
export function sharePoolFiles(path: string, audience: Audience): void {
  const { uid } = statsOf(path, path)
  const isFolderOwner = uid === onFolder(dirname(path), (_, stats) => stats.uid)
  const owner = effectiveUid() === 0 && !isFolderOwner ? 0 : uid
  for (const file of [path, ...companionFiles(path)]) {
    if (existsSync(file)) shareFile(path, file, { audience, owner })
  }
}

export function shareFile(
  database: string,
  file: string,
  { audience, owner }: { readonly audience: Audience; readonly owner: number },
): void {
  onFile(database, file, (itself, { gid }) => {
    chownSync(itself, owner, audience.kind === 'group' ? audience.gid : gid)
    chmodSync(itself, MODES[audience.kind].file)
  })
}

/** Only root can write to the folder: a user who created files there could block SQLite and other users. */
export function shareFolder(folder: string, audience: Audience): void {
  onFolder(folder, (fd, { uid, gid }) => {
    fchownSync(fd, uid, audience.kind === 'group' ? audience.gid : gid)
    fchmodSync(fd, MODES[audience.kind].folder)
  })
}

/**
 * Changes the mode of an existing folder only if this program created it: owner, mode and names match, or it is the
 * default folder.
 */
export function updateFolderMode(database: string, audience: Audience | null): void {
  const folder = dirname(database)
  const isOurs = onFolder(folder, (_, stats) => {
    if (effectiveUid() !== 0 || stats.uid !== 0 || isClosed(stats)) return false
    if (folder === DEFAULT_FOLDER) return true
    if (!OLD_FOLDER_MODES.includes(stats.mode & 0o7777)) return false
    return readdirSync(folder).every((name) => isPoolName(database, name))
  })
  if (isOurs)
    shareFolder(folder, audience === null || audience.kind === 'owner' ? { kind: 'everyone' } : audience)
}

/** Whether only its owner may use the folder: it belongs to a daemon. */
export const isClosed = ({ mode }: Pick<Stats, 'mode'>): boolean => (mode & 0o077) === 0

/**
 * For root: gives the log the owner and mode of the database, and a folder of an earlier release its current mode. A
 * user who opens a pool without a log creates one that no other user can open (fs.protected_regular, proc(5)).
 */
export function repairFiles(database: string): void {
  const pool = statsOf(database, database)
  const folder = onFolder(dirname(database), (_, stats) => stats)
  updateFolderMode(database, audienceOf(pool))
  // A user who put a database into a folder of root gets nothing.
  if (pool.uid !== 0 && pool.uid !== folder.uid) return
  for (const file of logFiles(database).filter((each) => existsSync(each))) {
    onFile(database, file, (itself) => {
      chownSync(itself, pool.uid, pool.gid)
      chmodSync(itself, pool.mode & 0o7777)
    })
  }
}

/** Syncs the folders. Without this a power failure may remove new files from them: fsync(2). */
export function syncFolders(from: string, upTo: string): void {
  for (let folder = from; ; folder = dirname(folder)) {
    onFolder(folder, fsyncSync)
    if (folder === upTo) return
  }
}

export const statsOf = (database: string, file: string): Stats => onFile(database, file, (_, stats) => stats)

/**
 * Passes a path that always leads to this file. Throws if the file is a link, not regular, or has several names. Does
 * not open it for reading: closing one of SQLite's files drops SQLite's locks on it (sqlite.org/howtocorrupt.html).
 */
function onFile<Result>(
  database: string,
  file: string,
  use: (itself: string, stats: Stats) => Result,
): Result {
  const fd = openSync(file, O_PATH | constants.O_NOFOLLOW)
  try {
    const stats = fstatSync(fd)
    // With a second name it may be any file of the machine.
    if (!stats.isFile() || stats.nlink > 1) throw notRegular(database, file)
    return use(`/proc/self/fd/${fd}`, stats)
  } finally {
    closeSync(fd)
  }
}

function onFolder<Result>(folder: string, use: (fd: number, stats: Stats) => Result): Result {
  const fd = openSync(folder, constants.O_RDONLY | constants.O_DIRECTORY)
  try {
    return use(fd, fstatSync(fd))
  } finally {
    closeSync(fd)
  }
}
