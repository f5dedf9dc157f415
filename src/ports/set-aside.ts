import type { AuditRecord } from '../domain/ledger/audit.ts'
import type { DaySum } from '../domain/ledger/day-sums.ts'
import type { Pool, UsageRecord } from '../domain/pool/model.ts'
import type { Store } from './store.ts'

/** A damaged store that was moved out of the way, and its readable content. */
export interface SetAside {
  /** Path of the moved store. */
  readonly keptAs: string
  /** Null if the pool cannot be read or is not sound. */
  readonly pool: Pool | null
  readonly records: readonly UsageRecord[]
  /** Of the days whose records the pool no longer keeps. */
  readonly sums: readonly DaySum[]
  /** Oldest first. */
  readonly audit: readonly AuditRecord[]
  /** Creates an empty store in its place, for a group or for its previous users. */
  readonly replace: () => Promise<Store>
  /** Moves it back, and removes the store in its place. */
  readonly putBack: () => void
}
