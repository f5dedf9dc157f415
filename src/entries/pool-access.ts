import type { Administration } from '../app/administration.ts'
import type { Place, QueueWait } from '../cli/context.ts'
import type { Grant, Intent } from '../domain/operation/intent.ts'
import type { Refusal } from '../domain/operation/refusal.ts'
import type { PoolService } from '../ports/pool-service.ts'
import type { Wakeups } from '../ports/wakeups.ts'

/** How a command reaches its pool: the embedded one, or that of a daemon. */
export interface PoolAccess {
  readonly pool: () => Promise<PoolService>
  /** For a process that runs until it is stopped. */
  readonly longRunningPool: () => Promise<PoolService>
  readonly administration: () => Promise<Administration>
  readonly waitInQueue: (intent: Intent, wait: QueueWait, waiting: WaitingProcess) => Promise<Grant | Refusal>
  readonly changes: () => Promise<Pick<Wakeups, 'changes'>>
}

/** What a waiter needs of its process. */
export interface WaitingProcess {
  /** Bit n - 1 is set for each signal n that this process must not handle. */
  readonly ignoredSignals: bigint
  /** See `WakerOptions`. */
  readonly wasSignalled?: (() => boolean) | undefined
  /** The queue entry that this process created while it ran an earlier version of this program. */
  readonly place: Place | null
  /** Whether the configuration names another store than at the start of this process. */
  readonly isMoved: () => Promise<boolean>
  readonly becomeSuccessor: (place: Place) => Promise<void>
}
