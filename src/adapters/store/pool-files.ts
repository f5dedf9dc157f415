import {
  chmodSync,
  chownSync,
  closeSync,
  constants,
  existsSync,
  fstatSync,
  fsyncSync,
  lstatSync,
  mkdirSync,
  openSync,
  type Stats,
  statSync,
} from 'node:fs'
import { dirname } from 'node:path'
import { CanhazgpuError } from '../../domain/errors.ts'
import { bellFiles, wakeFile } from './changes.ts'

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
    // Through no link: whoever may write the folder could lead root to any file of the machine.
    closeSync(openSync(file, constants.O_WRONLY | constants.O_CREAT | constants.O_NOFOLLOW, 0o600))
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
    if (lstatSync(file, { throwIfNoEntry: false })?.isFile())
      onFile(file, (itself) => chownSync(itself, uid, gid))
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
  onFile(file, (itself) => {
    switch (audience.kind) {
      case 'everyone':
        chmodSync(itself, 0o666)
        return
      case 'group':
        chownSync(itself, statSync(itself).uid, audience.gid)
        chmodSync(itself, 0o660)
    }
  })
}

/**
 * Not opened to be read: to close one of SQLite's files beside SQLite drops its locks on it
 * (sqlite.org/howtocorrupt.html). A descriptor of this kind is but a name that nobody can give to another file.
 */
const O_PATH = 0o10000000

/** Does something to a file by a name that leads to it and no other. Throws where a link is in its place. */
function onFile(file: string, change: (itself: string) => void): void {
  const fd = openSync(file, O_PATH | constants.O_NOFOLLOW)
  try {
    if (!fstatSync(fd).isFile()) {
      throw new CanhazgpuError('store-unavailable', `The pool cannot be shared: ${file} is no regular file`, {
        hint: 'put the file in its place, or remove it',
      })
    }
    change(`/proc/self/fd/${fd}`)
  } finally {
    closeSync(fd)
  }
}
