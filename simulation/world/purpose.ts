import type { Intent } from '../../src/domain/operation/intent.ts'
import type { Account, UnitId } from '../../src/domain/pool/model.ts'

/** The purpose of a process. The checker compares its commits with it. */
export type Purpose =
  | {
      readonly kind: 'acquire'
      readonly intent: Intent
      readonly claim: 'no' | 'exact' | 'all'
      readonly waits: boolean
    }
  | { readonly kind: 'supervise'; readonly reservation: string }
  | { readonly kind: 'release'; readonly account: Account; readonly units?: readonly UnitId[] }
  | {
      readonly kind: 'extend'
      readonly account: Account
      readonly units?: readonly UnitId[]
      readonly by: number
    }
  | { readonly kind: 'look'; readonly at: 'status' | 'queue' | 'report' }
  | { readonly kind: 'set-up'; readonly force: boolean }
