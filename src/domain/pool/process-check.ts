import type { Liveness, ProcessIdentity } from './model.ts'

/** Answered by the kernel in microseconds. */
export type AliveCheck = (process: ProcessIdentity) => Liveness

/**
 * Whether a signal (SIGSTOP, Ctrl-Z) has stopped the process until SIGCONT. False if that is unknown. Answered by the
 * kernel in microseconds.
 */
export type StoppedCheck = (process: ProcessIdentity) => boolean

/** The kernel's answers about processes. */
export interface ProcessCheck {
  readonly alive: AliveCheck
  readonly stopped: StoppedCheck
}
