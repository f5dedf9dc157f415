import { UNREAD } from '../../domain/pool/clock.ts'
import { namespaceInode } from '../kernel/boot.ts'
import { readText } from '../kernel/procfs.ts'

/** Inode of the first user namespace, PROC_USER_INIT_INO of the kernel (include/linux/proc_ns.h). */
const FIRST_USER_NAMESPACE = '4026531837'
/** What the kernel shows for an id that has no place in the namespace; a namespace may map it as well. */
const OVERFLOW_ID = 65534

let read: string | undefined

/**
 * Undefined in the first user namespace, where uids are what they seem. In any other one everybody can be root.
 * `UNREAD` where it cannot be told, which then is not the first.
 */
export function otherUserNamespace(): string | undefined {
  read ??= namespaceInode('user') ?? UNREAD
  return read === FIRST_USER_NAMESPACE ? undefined : read
}

/**
 * Which uid a uid of our namespace is outside of it (user_namespaces(7)). Undefined where it has no place there. In
 * nested namespaces this leads one step out, where the uid may be anyone's choice.
 */
export function outerUid(uid: number): number | undefined {
  if (otherUserNamespace() === undefined) return uid
  return uid === OVERFLOW_ID ? undefined : mappedUid(uid, readText('/proc/self/uid_map') ?? '')
}

/** Each line of the map: first uid inside, first uid outside, how many. */
export function mappedUid(uid: number, map: string): number | undefined {
  for (const [, inside, outside, count] of map.matchAll(/^ *(\d+) +(\d+) +(\d+)$/gm)) {
    const offset = uid - Number(inside)
    if (offset >= 0 && offset < Number(count)) return Number(outside) + offset
  }
  return undefined
}
