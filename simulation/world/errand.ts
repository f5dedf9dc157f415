import type { Intent } from '../../src/domain/operation/acquisition.ts'
import type { Account, GpuId } from '../../src/domain/pool/model.ts'

/** What a process is there for; the checker judges what it commits by it. */
export type Errand =
  | {
      readonly kind: 'acquire'
      readonly intent: Intent
      readonly claim: 'no' | 'certain' | 'any'
      readonly waits: boolean
    }
  | { readonly kind: 'supervise'; readonly reservation: string }
  | { readonly kind: 'release'; readonly account: Account; readonly gpus?: readonly GpuId[] }
  | {
      readonly kind: 'extend'
      readonly account: Account
      readonly gpus?: readonly GpuId[]
      readonly by: number
    }
  | { readonly kind: 'look'; readonly at: 'status' | 'queue' | 'report' }
  | { readonly kind: 'set-up'; readonly force: boolean }
