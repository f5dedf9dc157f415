import type { CallerSettings } from '../app/remote/protocol.ts'
import type { Account, ProcessIdentity } from '../domain/pool/model.ts'
import type { Warn } from '../domain/warnings.ts'

/** Who performs an operation. */
export interface Identity {
  readonly account: Account
  /** Its Unix groups. */
  readonly groups: readonly number[]
}

/** The account that performs an operation, and its settings; by default those of the daemon. */
export interface Caller extends Partial<CallerSettings>, Identity {
  /** The process that requests; it gets no GPUs once it is gone. Null if it is not visible here. */
  readonly process?: ProcessIdentity | null
  readonly warn?: Warn
}
