import type { Pool, UsageRecord } from '../domain/pool/model.ts'
import type { Store } from './store.ts'

/** A damaged store that was moved out of the way, and what could still be read of it. */
export interface SetAside {
  /** Where it is kept. */
  readonly keptAs: string
  /** Null where its pool cannot be read or breaks the rules. */
  readonly pool: Pool | null
  readonly records: readonly UsageRecord[]
  /** Creates an empty store in its place, for a group or for the users it had. */
  readonly replace: () => Promise<Store>
  /** Puts it back, and removes what is in its place. */
  readonly putBack: () => void
}
