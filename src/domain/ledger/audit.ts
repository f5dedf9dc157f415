import type { RuleKey } from '../policy/rules.ts'
import type { Account, Millis, Owner, ProviderName, Scope, UnitId } from '../pool/model.ts'

/** A change that an administrator made. It is committed together with the change, and stays as it is. */
export interface AuditRecord {
  readonly at: Millis
  readonly by: Account
  /** The account that logged in, if that is another one: `by` may be root by `sudo`. */
  readonly login?: Account
  readonly change: AuditedChange
}

export type AuditedChange =
  | RuleChange
  | { readonly kind: 'drain' | 'restore'; readonly units: readonly UnitId[]; readonly reason?: string }
  /** An administrator cancelled the booking of another account, or set up a pool that cannot keep it. */
  | {
      readonly kind: 'cancel'
      readonly booking: string
      readonly owner: Owner
      readonly gpus: number
      readonly from: Millis
      readonly until: Millis
    }
  /** The pool adopted the devices that the driver reports for these units. */
  | { readonly kind: 'refresh'; readonly units: readonly UnitId[] }
  | {
      readonly kind: 'set-up'
      readonly units: number
      readonly provider: ProviderName
      /** It replaced an earlier pool. */
      readonly isReset: boolean
    }

export interface RuleChange {
  readonly kind: 'rule'
  readonly key: RuleKey
  readonly scope: Scope
  /** Null: not set. */
  readonly before: string | number | null
  readonly after: string | number | null
  readonly reason?: string
}
