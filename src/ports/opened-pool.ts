import type { Ledger } from './ledger.ts'
import type { LockPatience, Store } from './store.ts'
import type { Wakeups } from './wakeups.ts'

/** What opening the place of one pool gives: its store, ledger and wakeups, closed together. */
export interface OpenedPool extends Store, Ledger, Wakeups {
  bounded(patience: LockPatience): OpenedPool
}
