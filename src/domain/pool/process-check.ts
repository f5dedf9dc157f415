import type { Liveness, Millis, ProcessIdentity } from './model.ts'

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
  /** The wall-clock time at which this process was seen to exit; undefined if nobody saw it. */
  readonly exitedAt?: (process: ProcessIdentity) => Millis | undefined
}
