import { UNREAD } from '../../domain/pool/clock.ts'
import { ENOENT } from './libc.ts'
import { readLink, readLinkOrError, readText } from './procfs.ts'

/** Inodes of the first namespaces, PROC_*_INIT_INO of the kernel (include/linux/proc_ns.h). */
const FIRST_TIME_NAMESPACE = '4026531834'
export const FIRST_PID_NAMESPACE = '4026531836'

/** These stay constant while a process lives, and are needed once for each process checked. */
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

/** Of this process. Kernels before 5.6 lack this namespace. */
export function timeNamespace(): string {
  const inode = inodeIn(readLinkOrError('/proc/self/ns/time'))
  if (typeof inode === 'string') return inode
  return inode === -ENOENT && namespaceInode('pid') !== undefined ? FIRST_TIME_NAMESPACE : UNREAD
}

/**
 * Of this process. The reader's time namespace shifts start times in `/proc`, so outside the first time namespace its
 * name is included: identities are comparable only within the same pid and time namespace.
 */
export function pidNamespace(): string {
  pidNamespaceRead ??= readPidNamespace()
  return pidNamespaceRead
}

/** Only in the first pid namespace do our pids match those of the kernel and the GPU drivers. */
export const isInFirstPidNamespace = (): boolean => namespaceInode('pid') === FIRST_PID_NAMESPACE

/** Whether the first pid namespace sees the processes of this stored namespace with unshifted start times. */
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
  return typeof link === 'string' ? link.match(/^[a-z]+:\[(\d+)\]$/)?.[1] : link
}
