import { UNREAD } from '../../domain/pool/clock.ts'
import { ENOENT } from './libc/errno.ts'
import { readLink, readLinkOrError, readText } from './procfs.ts'

/** Inodes of the first namespaces, PROC_*_INIT_INO of the kernel (include/linux/proc_ns.h). */
const FIRST_TIME_NAMESPACE = '4026531834'
export const FIRST_PID_NAMESPACE = '4026531836'

/** Both are constants of this process. They are kept because every check of a process needs them. */
let bootIdRead: string | undefined
let pidNamespaceRead: string | undefined

/**
 * New at every boot. A service may hide it (`ProcSubset=pid`), and a container may have its own (systemd-nspawn).
 * `UNREAD` if the file is missing or holds no boot id.
 */
export function bootId(): string {
  bootIdRead ??= readBootId()
  return bootIdRead
}

function readBootId(): string {
  const text = readText('/proc/sys/kernel/random/boot_id')?.trim() ?? ''
  return /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/.test(text) ? text : UNREAD
}

/** The time namespace of this process. Kernels before 5.6 have none; then it is the first one. */
export function timeNamespace(): string {
  const inode = inodeIn(readLinkOrError('/proc/self/ns/time'))
  if (typeof inode === 'string') return inode
  return inode === -ENOENT && namespaceInode('pid') !== undefined ? FIRST_TIME_NAMESPACE : UNREAD
}

/**
 * The pid namespace of this process. Start times in `/proc` depend on the time namespace of the reader, so outside the
 * first time namespace the result includes it. Identities are comparable only within the same pid and time namespace.
 */
export function pidNamespace(): string {
  pidNamespaceRead ??= readPidNamespace()
  return pidNamespaceRead
}

/** Only in the first pid namespace do our pids match those of the kernel and the GPU drivers. */
export const isInFirstPidNamespace = (): boolean => namespaceInode('pid') === FIRST_PID_NAMESPACE

/** Whether a stored pid namespace has no time namespace of its own. Then its start times are comparable. */
export const isPlainPidNamespace = (name: string): boolean => /^\d+$/.test(name)

function readPidNamespace(): string {
  const pid = namespaceInode('pid')
  const time = timeNamespace()
  if (pid === undefined || time === UNREAD) return UNREAD
  return time === FIRST_TIME_NAMESPACE ? pid : `${pid}+time:${time}`
}

export function namespaceInode(kind: 'pid' | 'user'): string | undefined {
  const inode = inodeIn(readLink(`/proc/self/ns/${kind}`))
  return typeof inode === 'string' ? inode : undefined
}

/** The link reads like `pid:[4026531836]`. An errno is returned unchanged. */
function inodeIn<Failure>(link: string | Failure): string | Failure | undefined {
  return typeof link === 'string' ? /^[a-z]+:\[(\d+)\]$/.exec(link)?.[1] : link
}
