import type { CallerSettings } from '../app/remote/protocol.ts'
import type { Account } from '../domain/pool/model.ts'
import type { Warn } from '../domain/warnings.ts'

/** The account that performs an operation, and its settings; by default those of the daemon. */
export interface Caller extends Partial<CallerSettings> {
  readonly account: Account
  /** Its Unix groups. */
  readonly groups: readonly number[]
  readonly warn?: Warn
}
