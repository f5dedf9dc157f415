import { otherUserNamespace } from '../accounts/user-namespace.ts'
import { type FileStatus, realPath, S_IFDIR, S_IFLNK, S_IFMT, statusOf } from '../kernel/libc/paths.ts'
import { effectiveUid } from '../kernel/libc/rights.ts'
import { readLink } from '../kernel/procfs.ts'

/** A part of a path that lets another user decide where the path leads. */
export interface ForeignStep {
  readonly path: string
  readonly what: 'link' | 'folder' | 'open folder'
  readonly uid: number
}

/** The owner of root's files as seen from a user namespace without a mapping for root's account. */
const OVERFLOW_UID = 65_534

/** The kernel's own limit of links to follow. */
const MOST_LINKS = 40

const OTHERS_READ = 0o004
const OTHERS_WRITE = 0o002
const GROUP_WRITE = 0o020
const STICKY = 0o1000

/** Root of the machine. In another user namespace any user can be root, with the rights of an ordinary user. */
export const isRoot = (): boolean => effectiveUid() === 0 && otherUserNamespace() === undefined

/**
 * Whether an error may quote the file's contents. As root only files that everyone can read are quoted, because under
 * `sudo` the person at the keyboard may not be allowed to read the other files.
 */
export const isQuotable = ({ mode }: FileStatus): boolean => !isRoot() || (mode & OTHERS_READ) !== 0

/** Whether only root controls a file with this owner. */
export function isRootOwner(uid: number): boolean {
  return uid === 0 || (uid === OVERFLOW_UID && otherUserNamespace() !== undefined)
}

/**
 * For root: the first part of the path through which another user could lead root to any file of the machine. It is a
 * link or a folder that belongs to another user, or a folder above the file's own folder in which every user can rename
 * entries. Null if there is none. The end of the path need not exist yet.
 */
export function foreignStep(path: string): ForeignStep | null {
  let names = namesIn(path)
  let folder = '/'
  let folderStatus = statusOf(folder)
  for (let links = 0; links <= MOST_LINKS; ) {
    const foreign = foreignFolder(folder, folderStatus, names.length)
    if (foreign !== null) return foreign
    const [name, ...rest] = names
    if (name === undefined) return null
    const step = name === '..' ? parentOf(folder) : `${folder === '/' ? '' : folder}/${name}`
    const status = statusOf(step)
    if (typeof status === 'number') return null
    names = rest
    switch (status.mode & S_IFMT) {
      case S_IFDIR:
        folder = step
        folderStatus = status
        break
      case S_IFLNK: {
        if (!isRootOwner(status.uid)) return { path: step, what: 'link', uid: status.uid }
        const target = readLink(step)
        if (target === null) return null
        if (target.startsWith('/')) {
          folder = '/'
          folderStatus = statusOf(folder)
        }
        names = [...namesIn(target), ...rest]
        links++
        break
      }
      default:
        return null
    }
  }
  return null
}

/** For root: whether no other user can change or replace the file. */
export function onlyRootCanChange(path: string): boolean {
  const real = realPath(path)
  if (real === null) return true
  return foreignStep(path) === null && [real, parentOf(real)].every(isClosed)
}

/**
 * Whether other users can rename an entry that we create in the folder. They could then replace a new folder with a
 * link to another folder. In a sticky folder only its owner can do so.
 */
export function isRenamableByOthers(folder: string): boolean {
  const status = statusOf(realPath(folder) ?? folder)
  if (typeof status === 'number') return false
  const { uid, gid, mode } = status
  if (!isRootOwner(uid) && uid !== effectiveUid()) return true
  if ((mode & STICKY) !== 0) return false
  return (mode & OTHERS_WRITE) !== 0 || ((mode & GROUP_WRITE) !== 0 && gid !== process.getegid?.())
}

function isClosed(path: string): boolean {
  const status = statusOf(path)
  if (typeof status === 'number') return false
  return isRootOwner(status.uid) && (status.mode & (OTHERS_WRITE | STICKY)) !== OTHERS_WRITE
}

function foreignFolder(folder: string, status: FileStatus | number, namesLeft: number): ForeignStep | null {
  if (typeof status === 'number') return null
  if (!isRootOwner(status.uid)) return { path: folder, what: 'folder', uid: status.uid }
  const isOpen = (status.mode & (OTHERS_WRITE | STICKY)) === OTHERS_WRITE
  return isOpen && namesLeft > 1 ? { path: folder, what: 'open folder', uid: status.uid } : null
}

const namesIn = (path: string): readonly string[] =>
  path.split('/').filter((name) => name !== '' && name !== '.')

const parentOf = (folder: string): string => folder.slice(0, folder.lastIndexOf('/')) || '/'
