import type { Grant, Intent } from '../../domain/operation/intent.ts'
import { isRefusal, type Refusal } from '../../domain/operation/refusal.ts'
import type { Millis } from '../../domain/pool/model.ts'
import { interrupted } from '../waiting/wait-errors.ts'
import type { WaitProgress } from '../waiting/wait-progress.ts'
import type { Waker } from '../waiting/waiting.ts'
import type { DaemonPool } from './daemon-pool.ts'

export interface WaitAtDaemon {
  readonly waitFor?: Millis
  readonly onProgress: (progress: WaitProgress) => void
  /** See `DaemonWait`. */
  readonly onAway?: (ms: Millis) => void
  /** Reports signals, and the loss of the terminal. */
  readonly waker: Waker
  /** Whether this process has an entry in the queue already. */
  readonly isQueued?: boolean
  /** Called from time to time without a connection. Replaces this process if its pool was moved; otherwise returns. */
  readonly followMove?: () => Promise<void>
}

/** How often the terminal of the waiter is checked. */
const CHECK_EVERY_MS: Millis = 2_000

/**
 * Waits in the queue of the daemon until the GPUs are granted, or the request is refused. An interrupted waiter leaves
 * the queue, or releases the GPUs that were granted meanwhile, and throws `interrupted`.
 */
export async function waitAtDaemon(
  pool: DaemonPool,
  intent: Intent,
  { waitFor, onProgress, onAway = () => {}, waker, isQueued = false, followMove }: WaitAtDaemon,
): Promise<Grant | Refusal> {
  const signal = waker.interruption
  let isOver = false
  // Only a waker that waits notices that its terminal is gone.
  const watch = async () => {
    while (!isOver && !signal.aborted) await waker.wait(CHECK_EVERY_MS)
  }
  void watch()
  const onOutage = async () => {
    if (!signal.aborted) await followMove?.()
  }
  try {
    const answer = await pool.wait({
      intent,
      ...{ onProgress, onAway, isQueued, onOutage },
      signal,
      ...(waitFor === undefined ? {} : { waitFor }),
    })
    if (isRefusal(answer)) return answer
    if (answer.reservation.term.kind === 'manual') await pool.keep(intent.id, { signal, onAway })
    if (await waker.wasInterrupted()) {
      await pool.perform({ op: 'end', id: intent.id, outcome: 'released' })
      throw interrupted()
    }
    return answer
  } finally {
    isOver = true
  }
}
