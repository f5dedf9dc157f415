import type { BookingIntent, Intent } from '../../src/domain/operation/intent.ts'
import type { Account, UnitId } from '../../src/domain/pool/model.ts'

/** The commands that only show something. */
export type ViewName = 'status' | 'queue' | 'report'

/** The purpose of a process. The checker compares the commits of the process with it. */
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
  | { readonly kind: 'book'; readonly intent: BookingIntent }
  | { readonly kind: 'cancel'; readonly account: Account; readonly id: string }
  | { readonly kind: 'drain' | 'restore'; readonly units: readonly UnitId[] }
  | { readonly kind: 'limit' }
  | { readonly kind: 'view'; readonly name: ViewName }
  | { readonly kind: 'set-up'; readonly force: boolean }
  | FleetPurpose

/**
 * `publish`: publishes its host on the board. `look`: shows all hosts. `call`: runs a command on another host. `serve`:
 * serves such a caller. `forecast`: answers when a command could start.
 */
export interface FleetPurpose {
  readonly kind: 'publish' | 'look' | 'call' | 'serve' | 'forecast'
}
