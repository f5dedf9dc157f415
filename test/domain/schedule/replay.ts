import { upgradedFrom1 } from '../../../src/adapters/store/document/upgrade-1.ts'
import type { Evidence } from '../../../src/domain/observation/allocation.ts'
import type { Obstacle } from '../../../src/domain/observation/obstacles.ts'
import type { UnitReading } from '../../../src/domain/observation/readings.ts'
import { acquire, canStart } from '../../../src/domain/operation/acquisition.ts'
import type { Intent, RequestedTerm } from '../../../src/domain/operation/intent.ts'
import type { BookedUp, Shortage } from '../../../src/domain/operation/refusal.ts'
import type { Account, Pool, ProcessIdentity, Request } from '../../../src/domain/pool/model.ts'
import { gpuUnit, unitsOf } from '../../../src/domain/pool/units.ts'
import type { Conditions } from '../../../src/domain/schedule/conditions.ts'
import { expectedStarts } from '../../../src/domain/schedule/expected-starts.ts'
import { keepsPromises } from '../../../src/domain/schedule/promises.ts'
import { isWaitedFor, startableEntries } from '../../../src/domain/schedule/startable.ts'
import {
  clearUnresponsive,
  forgetUnstartable,
  noteStartable,
} from '../../../src/domain/schedule/unresponsive.ts'

/**
 * Decisions of the program in the simulation before the single planner, one JSON value per line. A pool has its own
 * line, as a document of version 1.
 */
export type Line = { readonly n: number; readonly pool: unknown } | Decision

/** Why an expected start changed; the changelog has details. */
export const REASONS = ['one-rule', 'passed-over', 'just-released'] as const

interface Changed {
  readonly reason: (typeof REASONS)[number]
  readonly answer: unknown
}

interface Inputs {
  readonly now: number
  /** The ids of the entries whose process was stopped. */
  readonly stopped: readonly string[] | null
  readonly sight: {
    readonly usage: readonly (readonly [number, Reading1])[]
    readonly thresholdMb: number
    readonly claimant: number | null
  } | null
  readonly unusable: readonly number[] | null
}

/** A reading, when its field `use` had another name. */
type Reading1 = Omit<UnitReading, 'use'> & { readonly usage: UnitReading['use'] }

type Notes = readonly (number | null)[]

interface Intent1 {
  readonly id: string
  readonly request:
    | { readonly kind: 'count'; readonly count: number }
    | { readonly kind: 'ids'; readonly ids: readonly number[] }
  readonly user: string
  readonly account: Account
  readonly hold: RequestedTerm
}

export type Decision = { readonly pool: number; readonly changed?: Changed } & (
  | (Inputs & {
      readonly d: 'acquire'
      readonly intent: Intent1
      readonly result:
        | { readonly kind: 'granted'; readonly reservation: { readonly gpus: readonly number[] } }
        | { readonly kind: 'refused'; readonly shortage: object & { readonly taken: readonly number[] } }
      readonly notes: Notes
    })
  | (Inputs & { readonly d: 'canBeServed'; readonly intent: Intent1; readonly result: boolean })
  | (Inputs & { readonly d: 'servableEntries'; readonly result: readonly string[] })
  | (Inputs & { readonly d: 'isServable'; readonly entry: string; readonly result: boolean })
  | (Inputs & { readonly d: 'distanceToServable'; readonly entry: string; readonly result: number | null })
  | (Inputs & { readonly d: 'forgetUnservable'; readonly result: Notes })
  | (Inputs & { readonly d: 'noteServable'; readonly before: string; readonly result: Notes })
  | { readonly d: 'comes'; readonly entry: string; readonly result: Notes }
  | {
      readonly d: 'forecastLine'
      readonly now: number
      readonly stopped: readonly string[] | null
      readonly obstacles: readonly (Omit<Obstacle, 'unit'> & { readonly gpu: number })[]
      readonly result: readonly (readonly [string, string, number | null, string | null, unknown])[]
    }
  | { readonly d: 'keepsPromises'; readonly before: number; readonly now: number; readonly result: boolean }
)

export interface Replayed {
  readonly decision: Decision
  /** The recorded answer and the current answer, in a form that depends on the kind of decision. */
  readonly then: unknown
  readonly now: unknown
}

/** Makes recorded decisions again. */
export class Replay {
  readonly #pools = new Map<number, Pool>()

  /** Makes a decision again. A pool is kept for the decisions that follow; for it the result is null. */
  repeat(line: Line): Replayed | null {
    if ('n' in line) {
      this.#pools.set(line.n, upgradedFrom1(line.pool))
      return null
    }
    const [then, now] = this.#answers(line, this.#poolOf(line.pool))
    return { decision: line, then, now }
  }

  #poolOf(number: number): Pool {
    const pool = this.#pools.get(number)
    if (pool === undefined) throw new Error(`pool ${number} was not recorded`)
    return pool
  }

  #answers(decision: Decision, pool: Pool): readonly [unknown, unknown] {
    switch (decision.d) {
      case 'acquire': {
        const { result, notes } = decision
        const recorded =
          result.kind === 'granted'
            ? { units: result.reservation.gpus.map(gpuUnit), notes }
            : { ...result.shortage, taken: result.shortage.taken.map(gpuUnit), notes }
        const conditions = conditionsOf(decision, pool)
        const { evidence } = conditions
        if (evidence === undefined) throw new Error('a grant needs evidence')
        const acquired = acquire(pool, intentOf(decision.intent), { ...conditions, evidence })
        const now =
          acquired.result.kind === 'granted'
            ? { units: unitsOf(acquired.result.reservation), notes: notesIn(acquired.pool) }
            : { ...countsOf(acquired.result.shortage), notes: notesIn(acquired.pool) }
        return [recorded, now]
      }
      case 'canBeServed':
        return [decision.result, canStart(pool, intentOf(decision.intent), conditionsOf(decision, pool))]
      case 'servableEntries':
        return [decision.result, startableIds(pool, conditionsOf(decision, pool))]
      case 'isServable':
        return [decision.result, startableIds(pool, conditionsOf(decision, pool)).includes(decision.entry)]
      case 'distanceToServable': {
        const conditions = conditionsOf(decision, pool)
        const next = startableEntries(pool, conditions, decision.entry).findLast((entry) =>
          isWaitedFor(entry, conditions),
        )
        const place = pool.queue.findIndex(({ id }) => id === decision.entry)
        return [decision.result, next === undefined || place < 0 ? null : place - pool.queue.indexOf(next)]
      }
      case 'forgetUnservable':
        return [decision.result, notesIn(forgetUnstartable(pool, conditionsOf(decision, pool)))]
      case 'noteServable':
        return [decision.result, notesIn(noteStartable(pool, decision.before, conditionsOf(decision, pool)))]
      case 'comes':
        return [decision.result, notesIn(clearUnresponsive(pool, decision.entry))]
      case 'forecastLine': {
        const obstacles = decision.obstacles.map(
          ({ gpu, ...rest }) => ({ ...rest, unit: gpuUnit(gpu) }) as Obstacle,
        )
        const starts = expectedStarts(pool, {
          now: decision.now,
          stopped: stoppedIn(pool, decision.stopped),
          obstacles,
        })
        const recorded = decision.result.map(([id, kind, at, after]) => [id, kind, at, after])
        const now = pool.queue.map(({ id }) => {
          const start = starts.get(id)
          const at = start?.kind === 'at' ? start.at : null
          return [
            id,
            start?.kind,
            at,
            start !== undefined && 'after' in start ? (start.after?.id ?? null) : null,
          ]
        })
        return [recorded, now]
      }
      case 'keepsPromises': {
        const before = this.#poolOf(decision.before)
        return [decision.result, keepsPromises(before, pool, { now: decision.now, stopped: () => false })]
      }
    }
  }
}

const startableIds = (pool: Pool, conditions: Conditions): readonly string[] =>
  startableEntries(pool, conditions).map(({ id }) => id)

const notesIn = (pool: Pool): Notes => pool.queue.map(({ startableSince }) => startableSince ?? null)

function conditionsOf({ now, stopped, sight, unusable }: Inputs, pool: Pool): Conditions {
  return {
    now,
    stopped: stoppedIn(pool, stopped),
    ...(sight === null ? {} : { evidence: evidenceOf(sight) }),
    ...(unusable === null ? {} : { unusable: new Set(unusable.map(gpuUnit)) }),
  }
}

function evidenceOf({ usage, thresholdMb, claimant }: NonNullable<Inputs['sight']>): Evidence {
  return {
    readings: new Map(usage.map(([gpu, { usage: use, ...reading }]) => [gpuUnit(gpu), { ...reading, use }])),
    thresholdMb,
    ...(claimant === null ? {} : { claimant }),
  }
}

/** Process ids of the simulation are not unique over time; those of waiters at one time are. */
function stoppedIn(pool: Pool, ids: readonly string[] | null) {
  const stopped = new Set(
    pool.queue.filter(({ id }) => ids?.includes(id)).map(({ process }) => keyOf(process)),
  )
  return (process: ProcessIdentity) => stopped.has(keyOf(process))
}

const keyOf = ({ pid, startTime, bootId, pidNamespace }: ProcessIdentity): string =>
  [pid, startTime, bootId, pidNamespace].join()

function intentOf({ id, request, user, account, hold }: Intent1): Intent {
  const units: Request = request.kind === 'count' ? request : { kind: 'ids', ids: request.ids.map(gpuUnit) }
  return { id, request: units, owner: { account, shownName: user }, term: hold }
}

/** A shortage as it was recorded: how many units, not which. */
function countsOf(facts: Shortage | BookedUp) {
  if (facts.code === 'booked') throw new Error('no pool had bookings')
  // Not recorded: holders and drains.
  const {
    code: _,
    now: __,
    busy: ___,
    draining: ____,
    booked: _____,
    occupied,
    faulty,
    replaced,
    ...shortage
  } = facts
  return {
    ...shortage,
    occupied: occupied.length,
    faulty: faulty.length,
    replaced: replaced.length,
  }
}
