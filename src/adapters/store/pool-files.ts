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
  lstatSync,
  mkdirSync,
  openSync,
  type Stats,
  statSync,
} from 'node:fs'
import { dirname } from 'node:path'
import { bellFiles, wakeFile } from './changes.ts'

/** Follows no link: whoever may write the folder could lead root to any file of the machine. */
const SAFELY = constants.O_NOFOLLOW | constants.O_NONBLOCK

/** Who may use a pool besides its creator: every user of the machine, or one Unix group. */
export type Audience = { readonly kind: 'everyone' } | { readonly kind: 'group'; readonly gid: number }

/**
 * Creates an empty database file that the audience can write whatever the umask, in a folder where
 * nobody can delete or replace it (sticky). A folder that exists already stays as it is, unless it is
 * root's own and nothing is in the way of sharing it.
 *
 * SQLite gives its `-wal` and `-shm` files the mode and owner of the database (sqlite.org/wal.html), so
 * the modes set here reach them too.
 */
export function createPoolFile(path: string, audience: Audience): void {
  const folder = dirname(path)
  const firstMade = mkdirSync(folder, { recursive: true })
  if (firstMade !== undefined) shareFolder(folder, audience)
  for (const file of [path, ...wakingFiles(path)]) {
    mkdirSync(dirname(file), { recursive: true, mode: 0o755 })
    closeSync(openSync(file, constants.O_WRONLY | constants.O_CREAT | SAFELY, 0o600))
    sharePoolFile(file, audience)
  }
  chmodSync(dirname(bellFiles(path)[0] ?? path), 0o755)
  syncFolders(folder, firstMade === undefined ? folder : dirname(firstMade))
}

/** What was created in a folder survives a power failure when the folder is synced: fsync(2). */
export function syncFolders(from: string, upTo: string): void {
  for (let folder = from; ; folder = dirname(folder)) {
    const fd = openSync(folder, 'r')
    fsyncSync(fd)
    closeSync(fd)
    if (folder === upTo) return
  }
}

/** What lies beside the database, as far as it is there, and is used with it. */
export const companionFiles = (path: string): readonly string[] => [
  `${path}-wal`,
  `${path}-shm`,
  ...wakingFiles(path),
]

/** Whom a file of the pool is shared with; null where its owner alone may write it. */
export function audienceOf({ mode, gid }: Stats): Audience | null {
  if ((mode & 0o006) === 0o006) return { kind: 'everyone' }
  return (mode & 0o060) === 0o060 ? { kind: 'group', gid } : null
}

const wakingFiles = (path: string): readonly string[] => [wakeFile(path), ...bellFiles(path)]

/** Gives the database and the files SQLite keeps beside it to the audience. */
export function sharePoolFiles(path: string, audience: Audience): void {
  for (const file of [path, ...companionFiles(path)]) {
    if (existsSync(file)) sharePoolFile(file, audience)
  }
}

/**
 * Gives SQLite's files back to the owner of the database, for root to do. Who opens a pool whose log is gone
 * (the `sqlite3` shell removes it) makes a new one of their own, and Linux keeps others from opening a
 * file of neither theirs nor the folder's owner there (fs.protected_regular, proc(5)).
 */
export function ownLog(path: string): void {
  const { uid, gid } = statSync(path)
  for (const file of [`${path}-wal`, `${path}-shm`]) {
    if (lstatSync(file, { throwIfNoEntry: false })?.isFile()) onFile(file, (fd) => fchownSync(fd, uid, gid))
  }
}

function shareFolder(folder: string, audience: Audience): void {
  switch (audience.kind) {
    case 'everyone':
      chmodSync(folder, 0o1777)
      return
    case 'group':
      chownSync(folder, statSync(folder).uid, audience.gid)
      chmodSync(folder, 0o3770)
  }
}

function sharePoolFile(file: string, audience: Audience): void {
  onFile(file, (fd) => {
    switch (audience.kind) {
      case 'everyone':
        fchmodSync(fd, 0o666)
        return
      case 'group':
        fchownSync(fd, fstatSync(fd).uid, audience.gid)
        fchmodSync(fd, 0o660)
    }
  })
}

function onFile(file: string, change: (fd: number) => void): void {
  const fd = openSync(file, constants.O_RDONLY | SAFELY)
  try {
    change(fd)
  } finally {
    closeSync(fd)
  }
}
