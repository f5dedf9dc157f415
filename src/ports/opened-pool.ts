import type { Ledger } from './ledger.ts'
import type { LockPatience, Store } from './store.ts'
import type { Wakeups } from './wakeups.ts'

/** The store, ledger and wakeups of one pool, opened and closed together. */
export interface OpenedPool extends Store, Ledger, Wakeups {
  bounded(patience: LockPatience): OpenedPool
}
