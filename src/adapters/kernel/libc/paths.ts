import { c, onArm, outcome } from './library.ts'
import { addressOf, type Bytes, type ByteText, cBytes, cString, textAt } from './memory.ts'

/** Types of files in `st_mode`. */
export const S_IFMT = 0o170000
export const S_IFIFO = 0o010000
export const S_IFDIR = 0o040000
export const S_IFREG = 0o100000
export const S_IFLNK = 0o120000
export const S_IFSOCK = 0o140000

export const X_OK = 1
export const W_OK = 2
export const R_OK = 4
export const F_OK = 0

const AT_FDCWD = -100
const AT_SYMLINK_NOFOLLOW = 0x100
const AT_EMPTY_PATH = 0x1000
const STATX_BASIC_STATS = 0x7ff

/** Returns the length of the link's target. */
export const readLinkInto = (path: string, buffer: Bytes): number =>
  outcome(c.readlink(cString(path), buffer, buffer.length))

/** Checks the rights of the effective user, as execve does. */
export const access = (path: ByteText, mode: number): number => outcome(c.euidaccess(cBytes(path), mode))

/** 0 if the path exists and this process may look it up. */
export const findPath = (path: string): number => outcome(c.euidaccess(cString(path), F_OK))

/** The path without links, or null if it does not exist. */
export function realPath(path: string): string | null {
  const resolved = new Uint8Array(4096)
  return c.realpath(cString(path), resolved) === null ? null : textAt(resolved)
}

export interface FileStatus {
  readonly uid: number
  readonly gid: number
  /** Type and permissions, as in `st_mode`. */
  readonly mode: number
  /** Number of hard links. */
  readonly links: number
  readonly inode: () => bigint
  /** The file system of the inode. */
  readonly device: string
  readonly size: number
  /** Changes whenever the contents change. */
  readonly modified: () => string
}

/**
 * The status of an open descriptor or of a path; if the path ends in a link, of the link itself. Opens nothing, so a
 * pipe cannot block. A negated errno on failure. Calls statx(2) by number, because old C libraries lack it.
 */
export function statusOf(target: string | number): FileStatus | number {
  const [fd, name, flags] =
    typeof target === 'number'
      ? ([target, cString(''), AT_EMPTY_PATH] as const)
      : ([AT_FDCWD, cString(target), AT_SYMLINK_NOFOLLOW] as const)
  /** `struct statx`. */
  const status = new Uint32Array(64)
  const result = outcome(
    c.syscall(onArm ? 291 : 332, fd, addressOf(name), flags, STATX_BASIC_STATS, addressOf(status)),
  )
  if (result < 0) return result
  const word = (at: number): number => status[at / 4] ?? 0
  return {
    links: word(16),
    uid: word(20),
    gid: word(24),
    mode: word(28) & 0xffff,
    size: word(40) + word(44) * 2 ** 32,
    inode: () => BigInt(word(32)) | (BigInt(word(36)) << 32n),
    modified: () => `${word(112)}.${word(120)}`,
    device: `${word(136)}:${word(140)}`,
  }
}

/** Fills a `struct statfs`. */
export const statfsInto = (path: string, buffer: Bytes): number => outcome(c.statfs(cString(path), buffer))

/** chdir(2) by number, for a path of any bytes. */
export const changeFolder = (path: ByteText): number =>
  outcome(c.syscall(onArm ? 49 : 80, addressOf(cBytes(path)), 0, 0, 0, 0))
