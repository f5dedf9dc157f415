import type { Ticket } from '../../domain/operation/intent.ts'
import type { Millis } from '../../domain/pool/model.ts'
import type { ProcessCheck } from '../../domain/pool/process-check.ts'
import type { WaitProgress } from './wait-progress.ts'

/** Wakes a waiter. An event between two waits is not lost: the next wait returns at once. */
export interface Waker {
  /** `called`: the waiter may be able to start. `changed`: the pool changed, reported once after each `listen`. */
  wait(ms: Millis): Promise<'called' | 'changed' | 'timeout' | 'interrupted'>
  /** Must be called before each read of the pool; then every later change is reported. */
  listen(): void
  /** Aborts when the waiter is interrupted. The reason is the error to throw. */
  readonly interruption: AbortSignal
  /** The final answer. Call it once, after the last wait: later interrupts are not noticed. */
  wasInterrupted(): Promise<boolean>
}

/** The inputs of a waiter besides the pool and its intent. */
export interface Waiting {
  readonly ticket: Ticket
  /** Checks the processes of waiters ahead and of runs. */
  readonly processes: ProcessCheck
  readonly waker: Waker
  /** Steady time. */
  readonly clock: () => Millis
  /** Called after every read of the queue, also if nothing changed. */
  readonly onProgress: (progress: WaitProgress) => void
  /** Called when a newer version has upgraded the pool. Replaces this process by that version, or returns. */
  readonly becomeSuccessor?: (place: { entry: string; giveUpAt: Millis }) => Promise<void>
}
