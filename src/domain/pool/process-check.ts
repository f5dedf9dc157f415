import type { Liveness, ProcessIdentity } from './model.ts'

/** Answered by the kernel in microseconds. */
export type AliveCheck = (process: ProcessIdentity) => Liveness

/**
 * Whether a signal (SIGSTOP, Ctrl-Z) has stopped the process, so that it does nothing until SIGCONT. False
 * where that cannot be seen. Answered by the kernel in microseconds.
 */
export type StoppedCheck = (process: ProcessIdentity) => boolean

/** What the kernel knows about processes. */
export interface ProcessCheck {
  readonly alive: AliveCheck
  readonly stopped: StoppedCheck
}
