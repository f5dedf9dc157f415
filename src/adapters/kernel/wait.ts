import type { Millis, ProcessIdentity } from '../../domain/pool/model.ts'
import { currentMoment } from './clock.ts'
import { close, poll, readInto } from './libc/descriptors.ts'
import { EBADF, EINTR } from './libc/errno.ts'
import { inotifyAdd, inotifyInit } from './libc/inotify.ts'
import { errorText } from './libc/library.ts'
import { pidfdOpen, pidfdSendSignal } from './libc/process.ts'
import { visibilityHere } from './processes.ts'

/**
 * Waits in the kernel instead of the event loop: an idle process then takes no CPU time and hardly any memory. Nothing
 * else of this program runs during the wait. A signal without a JavaScript handler has its default effect.
 */

/** A process with a descriptor that becomes readable when it exits, or null if the kernel has no pidfds. */
export interface WatchedProcess {
  readonly identity: ProcessIdentity
  readonly pidfd: number | null
  /** The process itself opened the descriptor and passed it to us. */
  readonly isPassed: boolean
}

export type Awaited = 'exited' | 'changed' | 'timeout'

const POLL_IN = 1
const POLL_BAD_DESCRIPTOR = 0x20
/** How often to check a process without a pidfd (kernels before 5.3, old seccomp filters). */
const CHECK_EVERY_MS = 1000
const LONGEST_POLL_MS = 2 ** 31 - 1

/** IN_MODIFY, DELETE_SELF and MOVE_SELF. */
const FILE_EVENTS = 0x2 | 0x400 | 0x800
/** IN_ONESHOT. */
const ONCE = 0x80000000

/**
 * Works for processes of every user (pidfd_open(2)). A descriptor that the process itself passed to us is preferred,
 * because it cannot belong to a later process with the same pid. If the shell in between has closed it, a new one is
 * opened.
 */
export function watchProcess(identity: ProcessIdentity, passed: number | null = null): WatchedProcess {
  if (passed !== null && pidfdSendSignal(passed, 0) !== -EBADF) {
    return { identity, pidfd: passed, isPassed: true }
  }
  const pidfd = pidfdOpen(identity.pid)
  return { identity, pidfd: pidfd < 0 ? null : pidfd, isPassed: false }
}

/**
 * Blocks until the process has exited (`exited`), the inotify descriptor `watch` is readable (`changed`; then call
 * `drain`), or `timeoutMs` have passed, which may be Infinity. Returns at once if the process has already exited.
 */
export function waitFor(
  { process, watch }: { readonly process: WatchedProcess; readonly watch?: number | null },
  timeoutMs: Millis,
): Awaited {
  const { identity, pidfd } = process
  const deadline = currentMoment().steady.ms + timeoutMs
  // The descriptor may not report a process that exited before it was opened, or that is hidden from us.
  if (hasEnded(identity)) return 'exited'
  for (;;) {
    const remaining = Math.max(0, deadline - currentMoment().steady.ms)
    const [exited, changed] = readable(
      [pidfd ?? -1, watch ?? -1],
      Math.min(remaining, pidfd === null ? CHECK_EVERY_MS : LONGEST_POLL_MS),
    )
    if (exited || (pidfd === null && hasEnded(identity))) return 'exited'
    if (changed) return 'changed'
    if (remaining === 0) return 'timeout'
  }
}

/**
 * An inotify descriptor that becomes readable when the file is written, moved or deleted; null if the kernel has none
 * left (128 per user by default) or the file does not exist.
 */
export function watchFile(path: string): number | null {
  const fd = inotifyInit()
  if (fd < 0) return null
  if (inotifyAdd(fd, path, FILE_EVENTS) >= 0) return fd
  close(fd)
  return null
}

/** Adds a file to an inotify descriptor for one event only; add it again for the next one. */
export function watchFileOnce(fd: number, path: string): boolean {
  return inotifyAdd(fd, path, FILE_EVENTS | ONCE) >= 0
}

/** The watch numbers of these events, counted from 1 in the order in which files were added. */
export function watchesIn(events: Uint8Array): readonly number[] {
  const watches: number[] = []
  const view = new DataView(events.buffer, events.byteOffset, events.byteLength)
  // `struct inotify_event`: wd, mask, cookie, the length of the name (32 bits each), the name.
  for (let at = 0; at + 16 <= events.length; at += 16 + view.getUint32(at + 12, true)) {
    watches.push(view.getInt32(at, true))
  }
  return watches
}

/** Reads all pending events of an inotify descriptor. */
export function drain(fd: number): void {
  const buffer = new Uint8Array(16384)
  while (readInto(fd, buffer) > 0);
}

/** A process and its watcher have the same boot and pid namespace, even if these cannot be read. */
function hasEnded(identity: ProcessIdentity): boolean {
  return visibilityHere(identity) === 'absent'
}

/** poll(2), which ignores negative descriptors; `struct pollfd` is fd, events, revents. */
function readable(fds: readonly number[], timeoutMs: Millis): boolean[] {
  const polled = new Uint8Array(fds.length * 8)
  const view = new DataView(polled.buffer)
  fds.forEach((fd, at) => {
    view.setInt32(at * 8, fd, true)
    view.setInt16(at * 8 + 4, POLL_IN, true)
  })
  const count = poll(polled, fds.length, Math.ceil(timeoutMs))
  if (count < 0 && count !== -EINTR) throw new Error(`poll: ${errorText(-count)}`)
  return fds.map((fd, at) => {
    const events = count > 0 ? view.getInt16(at * 8 + 6, true) : 0
    if (events & POLL_BAD_DESCRIPTOR) throw new Error(`poll: descriptor ${fd} is not open`)
    return events !== 0
  })
}
