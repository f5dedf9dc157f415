import type { UnitFault } from '../observation/usage.ts'
import type { Millis, UnitId } from '../pool/model.ts'

/** An operation that was not done, and why. Its words are made in `views/words/refusals.ts`. */
export interface Refusal {
  readonly refused: Reason
}

/** Facts, without words. */
export type Reason =
  | Shortage
  /** This pool can never grant it, however long one waits. */
  | { readonly code: 'impossible'; readonly missing: Missing; readonly managed: readonly UnitId[] }
  | { readonly code: 'no-such-unit'; readonly units: readonly UnitId[] }
  /** None of `requested` was released. */
  | ({ readonly code: 'not-yours'; readonly requested: readonly UnitId[]; readonly now: Millis } & Held)
  /** It waited as long as it may; `busy` as at that time. */
  | { readonly code: 'timed-out'; readonly now: Millis; readonly busy: readonly Busy[] }
  /** Too many requests wait already: of this account, or in the whole queue. */
  | {
      readonly code: 'over-limit'
      readonly limit: 'account' | 'queue'
      readonly waiting: number
      readonly most: number
    }
  /** Without `units`: on no unit at all. */
  | { readonly code: 'nothing-to-extend'; readonly units?: readonly UnitId[] }
  /** Somebody in the queue would have to wait longer. */
  | { readonly code: 'promised' }
  | { readonly code: 'nothing-to-claim'; readonly claimable: number; readonly because?: Unclaimable }
  /** Whose processes use the units cannot be seen from here. */
  | { readonly code: 'owners-unknown' }
  | { readonly code: 'already-initialized'; readonly units: number }
  | {
      readonly code: 'too-few-devices'
      readonly asked: number
      readonly shown: number
      readonly provider: string
    }
  /** The driver shows no device for some units of the pool. */
  | {
      readonly code: 'devices-missing'
      readonly units: readonly UnitId[]
      readonly managed: number
      readonly shown: number
    }

/** Not enough units now; later there may be. */
export interface Shortage {
  readonly code: 'short'
  readonly requested: number
  readonly available: number
  /** The requested units that cannot be granted, where certain ones were requested. */
  readonly taken: readonly UnitId[]
  /** How many requests wait before this one. */
  readonly ahead: number
  /** When it was decided. */
  readonly now: Millis
  readonly busy: readonly Busy[]
  /** Left out because somebody uses them without a reservation. */
  readonly occupied: readonly { readonly unit: UnitId; readonly users: readonly string[] }[]
  /** Left out because of a fault. */
  readonly faulty: readonly { readonly unit: UnitId; readonly fault: UnitFault }[]
  /** Those with another device in their place; counted in `faulty` where they have no reservation. */
  readonly replaced: readonly UnitId[]
}

/** A unit that is reserved: by whom, and until when where that is known. */
export interface Held {
  readonly unit: UnitId
  readonly owner: string
  readonly until?: Millis
}

export interface Busy extends Held {
  /** Whether the account that was refused holds it itself, under the name that it shows now. */
  readonly own: boolean
}

/** What is requested and the pool does not have. */
export type Missing =
  | { readonly kind: 'count'; readonly count: number }
  | { readonly kind: 'ids'; readonly ids: readonly UnitId[] }

/** Why a unit that the account's own processes use cannot be claimed. */
export type Unclaimable =
  | { readonly kind: 'hidden-process'; readonly pid: number }
  | { readonly kind: 'unexplained-memory'; readonly unit: UnitId; readonly memoryMb: number }

export function isRefusal(answer: unknown): answer is Refusal {
  return typeof answer === 'object' && answer !== null && 'refused' in answer
}
