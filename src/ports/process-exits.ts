import type { ProcessIdentity } from '../domain/pool/model.ts'

/** Reports the exits of processes as they happen, and signals exactly these processes. */
export interface ProcessExits {
  /**
   * Calls `exited` once when exactly this process has exited. Null if it cannot be watched: it has exited already, or has a
   * pid that is not visible here.
   */
  watch(process: ProcessIdentity, exited: () => void): ProcessExit | null
  /** Signals a process that is not watched. Its identity is checked immediately before. */
  signal(process: ProcessIdentity, signal: EndSignal): void
  /** Reports the exits that have happened until now, before it returns. */
  poll(): void
}

export type EndSignal = 'SIGINT' | 'SIGKILL'

export interface ProcessExit {
  /** Does nothing if the process has exited. */
  signal(signal: EndSignal): void
  /** Ends the watch. */
  stop(): void
}
