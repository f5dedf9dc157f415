import type { Millis, ProcessIdentity } from '../../domain/model.ts'
import { currentMoment } from './clock.ts'
import * as libc from './libc.ts'
import { liveness } from './processes.ts'

/**
 * Waiting in the kernel instead of the event loop: an idle process then takes no time and hardly any memory.
 * Nothing else of this program runs meanwhile; a signal without a JavaScript handler acts as always.
 */

/** A process with a descriptor that becomes readable at its end, or null where the kernel has no pidfds. */
export interface WatchedProcess {
  readonly identity: ProcessIdentity
  readonly pidfd: number | null
}

export type Awaited = 'exited' | 'changed' | 'timeout'

const POLL_IN = 1
const POLL_BAD_DESCRIPTOR = 0x20
/** How often a process is looked at where there are no pidfds (kernels before 5.3, old seccomp filters). */
const LOOK_EVERY_MS = 1000
const LONGEST_POLL_MS = 2 ** 31 - 1

/** IN_MODIFY, MOVED_FROM, MOVED_TO, CREATE, DELETE, DELETE_SELF, MOVE_SELF and ONLYDIR. */
const DIRECTORY_EVENTS = 0x2 | 0x40 | 0x80 | 0x100 | 0x200 | 0x400 | 0x800 | 0x01000000

/** Works for processes of every user (pidfd_open(2)). */
export function watchProcess(identity: ProcessIdentity): WatchedProcess {
  const pidfd = libc.pidfdOpen(identity.pid)
  return { identity, pidfd: pidfd < 0 ? null : pidfd }
}

/**
 * Blocks until the process has ended (`exited`, at once where it had already), the inotify descriptor
 * `watch` has something to read (`changed`; `drain` it), or `timeoutMs` have passed, which may be Infinity.
 */
export function waitFor(
  { process, watch }: { readonly process: WatchedProcess; readonly watch?: number | null },
  timeoutMs: Millis,
): Awaited {
  const { identity, pidfd } = process
  const deadline = currentMoment().steady.ms + timeoutMs
  // The descriptor says nothing of a process that went before it was opened, nor of one we cannot see.
  if (hasEnded(identity)) return 'exited'
  for (;;) {
    const remaining = Math.max(0, deadline - currentMoment().steady.ms)
    const [exited, changed] = readable(
      [pidfd ?? -1, watch ?? -1],
      Math.min(remaining, pidfd === null ? LOOK_EVERY_MS : LONGEST_POLL_MS),
    )
    if (exited || (pidfd === null && hasEnded(identity))) return 'exited'
    if (changed) return 'changed'
    if (remaining === 0) return 'timeout'
  }
}

/**
 * An inotify descriptor that becomes readable when anything in the directory is written, created, renamed
 * or removed; null where the kernel has none left (128 a user by default) or the directory is gone.
 */
export function watchDirectory(path: string): number | null {
  const fd = libc.inotifyInit()
  if (fd < 0) return null
  if (libc.inotifyAdd(fd, path, DIRECTORY_EVENTS) >= 0) return fd
  libc.close(fd)
  return null
}

/**
 * Takes all waiting events from an inotify descriptor; answers the names of what changed in the directory,
 * an empty one for the directory itself or where too much happened to tell.
 */
export function drain(fd: number): string[] {
  const names: string[] = []
  const buffer = new Uint8Array(16384)
  for (;;) {
    const length = libc.readInto(fd, buffer)
    if (length <= 0) return names
    names.push(...changedNames(buffer.subarray(0, length)))
  }
}

/** `struct inotify_event`: wd, mask, cookie, the length of the name (32 bits each), the name. */
export function changedNames(events: Uint8Array): string[] {
  const names: string[] = []
  const view = new DataView(events.buffer, events.byteOffset)
  for (let at = 0; at < events.length; ) {
    const length = view.getUint32(at + 12, true)
    names.push(libc.textAt(events.subarray(at + 16, at + 16 + length)))
    at += 16 + length
  }
  return names
}

/** What cannot be seen from here is waited for. */
function hasEnded(identity: ProcessIdentity): boolean {
  const now = liveness(identity)
  return now === 'gone' || now === 'rebooted'
}

/** poll(2), which passes over negative descriptors; `struct pollfd` is fd, events, revents. */
function readable(fds: readonly number[], timeoutMs: Millis): boolean[] {
  const polled = new Uint8Array(fds.length * 8)
  const view = new DataView(polled.buffer)
  fds.forEach((fd, at) => {
    view.setInt32(at * 8, fd, true)
    view.setInt16(at * 8 + 4, POLL_IN, true)
  })
  const count = libc.poll(polled, fds.length, Math.ceil(timeoutMs))
  if (count < 0 && count !== -libc.EINTR) throw new Error(`poll: ${libc.errorText(-count)}`)
  return fds.map((fd, at) => {
    const events = count > 0 ? view.getInt16(at * 8 + 6, true) : 0
    if (events & POLL_BAD_DESCRIPTOR) throw new Error(`poll: descriptor ${fd} is not open`)
    return events !== 0
  })
}
