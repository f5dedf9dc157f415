import { UNREAD } from '../../domain/pool/clock.ts'
import { namespaceInode } from '../kernel/boot.ts'
import { readText } from '../kernel/procfs.ts'

/** Inode of the first user namespace, PROC_USER_INIT_INO of the kernel (include/linux/proc_ns.h). */
const FIRST_USER_NAMESPACE = '4026531837'
/** The kernel shows this id for an id without a mapping in the namespace. A namespace may also map it. */
const OVERFLOW_ID = 65534

let read: string | undefined

/**
 * Undefined in the first user namespace, where uids are the machine's. In any other namespace any user can be root.
 * `UNREAD` if it cannot be read; callers then treat it as another namespace.
 */
export function otherUserNamespace(): string | undefined {
  read ??= namespaceInode('user') ?? UNREAD
  return read === FIRST_USER_NAMESPACE ? undefined : read
}

/**
 * The uid outside our namespace for a uid inside it (user_namespaces(7)). Undefined without a mapping. In nested
 * namespaces this is one level out, where any user may have chosen the uid.
 */
export function outerUid(uid: number): number | undefined {
  if (otherUserNamespace() === undefined) return uid
  return uid === OVERFLOW_ID ? undefined : mappedUid(uid, readText('/proc/self/uid_map') ?? '')
}

/** Each line of the map: first uid inside, first uid outside, count. */
export function mappedUid(uid: number, map: string): number | undefined {
  for (const [, inside, outside, count] of map.matchAll(/^ *(\d+) +(\d+) +(\d+)$/gm)) {
    const offset = uid - Number(inside)
    if (offset >= 0 && offset < Number(count)) return Number(outside) + offset
  }
  return undefined
}
