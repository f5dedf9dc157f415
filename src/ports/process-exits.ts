import type { ProcessIdentity } from '../domain/pool/model.ts'

/** Reports the exits of processes as they happen. */
export interface ProcessExits {
  /**
   * Calls `exited` once when exactly this process has exited. Null if it cannot be watched: it has exited already, or has a
   * pid that is not visible here.
   */
  watch(process: ProcessIdentity, exited: () => void): ProcessExit | null
  /** Reports the exits that have happened until now, before it returns. */
  poll(): void
}

export interface ProcessExit {
  /** Ends the watch. */
  stop(): void
}
