import { UNREAD } from '../../domain/pool/clock.ts'
import { ENOENT } from './libc.ts'
import { readLink, readLinkOrError, readText } from './procfs.ts'

/** Inodes of the first namespaces, PROC_*_INIT_INO of the kernel (include/linux/proc_ns.h). */
const FIRST_TIME_NAMESPACE = '4026531834'
export const FIRST_PID_NAMESPACE = '4026531836'

/** All of these hold for a process as long as it lives, and are asked for once per process looked at. */
let bootIdRead: string | undefined
let pidNamespaceRead: string | undefined

/**
 * New at every boot. A service may hide it (`ProcSubset=pid`), and a container may have one of its own
 * (systemd-nspawn): `UNREAD` where the file is not there or holds no boot id.
 */
export function bootId(): string {
  bootIdRead ??= readBootId()
  return bootIdRead
}

function readBootId(): string {
  const text = readText('/proc/sys/kernel/random/boot_id')?.trim() ?? ''
  return /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/.test(text) ? text : UNREAD
}

/** Of this process. Only a kernel before 5.6 has the other namespaces and not this one. */
export function timeNamespace(): string {
  const inode = inodeIn(readLinkOrError('/proc/self/ns/time'))
  if (typeof inode === 'string') return inode
  return inode === -ENOENT && namespaceInode('pid') !== undefined ? FIRST_TIME_NAMESPACE : UNREAD
}

/**
 * Of this process. Start times in `/proc` are shifted by the reader's time namespace, so where that is
 * not the first one it is part of the name: only readers of both the same may compare.
 */
export function pidNamespace(): string {
  pidNamespaceRead ??= readPidNamespace()
  return pidNamespaceRead
}

/** Only there the pids of this process mean what they mean to the kernel and to the GPU drivers. */
export const isInFirstPidNamespace = (): boolean => namespaceInode('pid') === FIRST_PID_NAMESPACE

/** Whether a stored pid namespace is one whose processes the first pid namespace sees in its own time. */
export const isPlainPidNamespace = (name: string): boolean => /^\d+$/.test(name)

function readPidNamespace(): string {
  const pid = namespaceInode('pid')
  const time = timeNamespace()
  if (pid === undefined || time === UNREAD) return UNREAD
  return time === FIRST_TIME_NAMESPACE ? pid : `${pid}+time:${time}`
}

/** Of a namespace of this process. */
export function namespaceInode(kind: 'pid' | 'user'): string | undefined {
  const inode = inodeIn(readLink(`/proc/self/ns/${kind}`))
  return typeof inode === 'string' ? inode : undefined
}

/** The link reads like `pid:[4026531836]`; an errno stays one. */
function inodeIn<Failure>(link: string | Failure): string | Failure | undefined {
  return typeof link === 'string' ? link.match(/^[a-z]+:\[(\d+)\]$/)?.[1] : link
}
