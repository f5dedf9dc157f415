import { readLink, readText } from './procfs.ts'

/** Inode of the first time namespace, PROC_TIME_INIT_INO of the kernel (include/linux/proc_ns.h). */
const FIRST_TIME_NAMESPACE = '4026531834'

/** All of these hold for a process as long as it lives, and are asked for once per process looked at. */
let bootIdRead: string | undefined
let pidNamespaceRead: string | undefined

/** New at every boot; the same in all containers of a host. */
export function bootId(): string {
  bootIdRead ??= readText('/proc/sys/kernel/random/boot_id')?.trim() ?? 'unknown'
  return bootIdRead
}

/** Of this process; time namespaces came with Linux 5.6, before there was but the first. */
export function timeNamespace(): string {
  return namespaceInode('time') ?? FIRST_TIME_NAMESPACE
}

/**
 * Of this process. Start times in `/proc` are shifted by the reader's time namespace, so where that is
 * not the first one it is part of the name: only readers of both the same may compare.
 */
export function pidNamespace(): string {
  pidNamespaceRead ??= readPidNamespace()
  return pidNamespaceRead
}

function readPidNamespace(): string {
  const pid = namespaceInode('pid') ?? 'unknown'
  const time = timeNamespace()
  return time === FIRST_TIME_NAMESPACE ? pid : `${pid}+time:${time}`
}

/** The link reads like `pid:[4026531836]`. */
function namespaceInode(kind: 'pid' | 'time'): string | undefined {
  return readLink(`/proc/self/ns/${kind}`)?.match(/\[(\d+)\]/)?.[1]
}
