import { O_CLOEXEC } from './descriptors.ts'
import { c, onArm, outcome } from './library.ts'
import { addressOf, type Bytes } from './memory.ts'

/** By number, like the two below: only the daemon needs them. */
export const epollCreate = (): number => outcome(c.syscall(onArm ? 20 : 291, O_CLOEXEC, 0, 0, 0, 0))
export const epollControl = (epoll: number, operation: number, fd: number, event: Bytes): number =>
  outcome(c.syscall(onArm ? 21 : 233, epoll, operation, fd, addressOf(event), 0))
/** epoll_pwait(2) without a signal mask; -1 is no timeout. */
export const epollWait = (epoll: number, events: Bytes, most: number, timeoutMs: number): number =>
  outcome(c.syscall(onArm ? 22 : 281, epoll, addressOf(events), most, timeoutMs, 0))
