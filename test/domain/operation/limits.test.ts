import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { apply } from '../../../src/domain/operation/apply.ts'
import type { Intent, RequestedRun, RequestedTerm } from '../../../src/domain/operation/intent.ts'
import type { Context, Operation } from '../../../src/domain/operation/operation.ts'
import { isRefusal } from '../../../src/domain/operation/refusal.ts'
import { storedGroups } from '../../../src/domain/policy/limits.ts'
import type { Limit, LimitKey, Owner, Policy, Pool, Probe, Scope } from '../../../src/domain/pool/model.ts'
import { queuePlaces } from '../../../src/domain/schedule/queue-places.ts'
import { startableEntries } from '../../../src/domain/schedule/startable.ts'
import {
  ALICE,
  identity,
  manualOf,
  NOON,
  owner,
  poolOf,
  runOf,
  someUnits,
  theseUnits,
  units,
  waiterOf,
} from '../pool/builders.ts'

const HOUR = 3_600_000
const NOW = NOON.wall
const BOB = owner(1001, 'bob')
const STUDENTS = 500
const STAFF = 501
const ROOT = { uid: 0, name: 'root' }
const stopped = () => false

const limit = (key: LimitKey, value: number, scope: Scope = { kind: 'pool' }): Limit => ({
  ...{ key, value, scope, by: ROOT, at: 0 },
})
const group = (gid: number): Scope => ({ kind: 'group', gid, name: `group${gid}` })
const account = ({ account: { uid, name } }: Owner): Scope => ({ kind: 'account', uid, name })
const policyOf = (...limits: readonly Limit[]): Policy => ({ allocation: 'lru', limits })

function probeOf({ units: all }: Pool): Probe {
  const readings = all.map(({ device }, index) => ({
    ...{ index, ...device },
    state: { kind: 'measured', memoryUsedMb: 0, processes: [] } as const,
  }))
  return { provider: 'fake', readings }
}

interface Asking {
  readonly owner?: Owner
  readonly groups?: readonly number[]
  readonly wall?: number
}

const contextOf = (
  pool: Pool,
  { owner: { account: actor } = ALICE, groups = [], wall = 0 }: Asking,
): Context => ({
  ...{ actor, groups, processes: { alive: () => 'alive', stopped } },
  now: { wall: NOW + wall, steady: { ...NOON.steady, ms: NOON.steady.ms + wall } },
  observed: { probe: probeOf(pool), askedThresholdMb: null },
})

const intentOf = (parts: Partial<Intent> = {}): Intent => ({
  ...{ id: 'mine', request: someUnits(1), owner: ALICE, term: { kind: 'manual', duration: HOUR } as const },
  ...parts,
})

/** The answer to a request: the number of units that were granted, `queued`, or the refusal. */
function asked(pool: Pool, parts: Partial<Intent>, asking: Asking = {}) {
  const intent = intentOf({ ...(asking.owner === undefined ? {} : { owner: asking.owner }), ...parts })
  const { answer } = apply(pool, { op: 'acquire', intent }, contextOf(pool, asking))
  if (isRefusal(answer)) return answer.refused
  return answer.kind === 'granted' ? answer.grant.reservation.holdings.length : answer.kind
}

describe('max-gpus', () => {
  test('refuses what the account would have beyond its limit, with the limit, its use and the time it frees', () => {
    const pool = poolOf(units(4), {
      reservations: [manualOf({ units: [0, 1], expiresAt: NOW + HOUR })],
      policy: policyOf(limit('max-gpus', 2)),
    })
    expect(asked(pool, {})).toEqual({
      ...{ code: 'over-limit', limit: 'gpus', scope: { kind: 'pool' }, requested: 1, used: 2, most: 2 },
      frees: { at: NOW + HOUR, now: NOW },
    })
    expect(asked(pool, {}, { owner: BOB })).toBe(1)
    expect(asked(pool, {}, { wall: HOUR })).toBe(1)
    const claim = { op: 'claim', intent: intentOf(), exact: true } as const
    expect(apply(pool, claim, contextOf(pool, {})).answer).toMatchObject({
      refused: { code: 'nothing-to-claim' },
    })
  })

  test('does not promise a time if a run without a time limit must end', () => {
    const pool = poolOf(units(4), {
      reservations: [runOf({ units: [0, 1] })],
      policy: policyOf(limit('max-gpus', 2)),
    })
    expect(asked(pool, {})).not.toHaveProperty('frees')
  })

  test('refuses at once what it can never allow, also with a wait', () => {
    const pool = poolOf(units(4), { policy: policyOf(limit('max-gpus', 2, account(ALICE))) })
    const never = { code: 'over-limit', limit: 'gpus', requested: 3, most: 2, used: 0 }
    expect(asked(pool, { request: someUnits(3) })).toMatchObject(never)
    const intent = intentOf({ request: someUnits(3) })
    for (const op of ['acquire', 'join'] as const) {
      const { answer } = apply(pool, { op, intent, wait: { process: identity(9) } }, contextOf(pool, {}))
      expect(answer).toMatchObject({ refused: never })
    }
    expect(asked(pool, { request: someUnits(3) }, { owner: BOB })).toBe(3)
  })

  test('of the account counts before those of its groups, these before that of the pool; the largest group counts', () => {
    const limits = [
      limit('max-gpus', 1),
      limit('max-gpus', 2, group(STUDENTS)),
      limit('max-gpus', 3, group(STAFF)),
    ]
    const pool = poolOf(units(4), { policy: policyOf(...limits, limit('max-gpus', 4, account(BOB))) })
    const most = (asking: Asking) =>
      [4, 3, 2, 1].find((count) => asked(pool, { request: someUnits(count) }, asking) === count)
    expect(most({})).toBe(1)
    expect(most({ groups: [STUDENTS] })).toBe(2)
    expect(most({ groups: [STUDENTS, STAFF] })).toBe(3)
    expect(most({ owner: BOB, groups: [STUDENTS] })).toBe(4)
  })

  test('all processes in other user namespaces count as one account', () => {
    const inside = (uid: number, userNamespace: string): Owner => ({
      account: { uid, name: 'x', userNamespace },
      shownName: 'x',
    })
    const pool = poolOf(units(4), {
      reservations: [manualOf({ units: [0], owner: inside(7, '1') })],
      policy: policyOf(limit('max-gpus', 1)),
    })
    expect(asked(pool, {}, { owner: inside(8, '2') })).toMatchObject({ code: 'over-limit', used: 1 })
    expect(asked(pool, {}, { owner: owner(7, 'x') })).toBe(1)
  })
})

describe('an entry that its limit keeps from starting', () => {
  const policy = policyOf(limit('max-gpus', 2))
  const held = manualOf({ units: [0, 1], expiresAt: NOW + HOUR })
  const capped = waiterOf({ id: 'capped', request: someUnits(2) })
  const behind = waiterOf({ id: 'behind', owner: BOB, request: someUnits(2) })

  test('delays nobody, is shown with its limit, and is expected when the limit allows it', () => {
    const pool = poolOf(units(4), { reservations: [held], queue: [capped, behind], policy })
    expect(startableEntries(pool, { now: NOW, stopped }).map(({ id }) => id)).toEqual(['behind'])
    const { places } = queuePlaces(pool, { now: NOW, stopped })
    expect(places[0]).toMatchObject({
      reason: { kind: 'over-limit', used: 2, most: 2 },
      forecast: { kind: 'at', at: NOW + HOUR },
    })
    expect(places[1]?.reason.kind).not.toBe('behind')
    expect(asked(pool, { request: someUnits(2) }, { owner: owner(1002, 'carol') })).toMatchObject({
      code: 'short',
    })
  })

  test('waits for its own run if that has no known end', () => {
    const own = runOf({ units: [0, 1] })
    const pool = poolOf(units(4), { reservations: [own], queue: [capped], policy })
    const { places } = queuePlaces(pool, { now: NOW, stopped })
    expect(places[0]?.forecast).toEqual({ kind: 'unknown', after: own })
  })

  test('is woken when the limit is raised and when its own reservation ends', () => {
    const pool = poolOf(units(4), { reservations: [held], queue: [capped], policy })
    const change = { key: 'max-gpus', scope: { kind: 'pool' }, value: 4 } as const
    expect(apply(pool, { op: 'set-policy', change }, contextOf(pool, {})).wake).toEqual(['capped'])
    expect(apply(pool, { op: 'release' }, contextOf(pool, {})).wake).toEqual(['capped'])
  })

  test('counts with the groups that its process had when it last asked', () => {
    const reservations = [manualOf({ units: [0] })]
    const pool = poolOf(units(2), { reservations, policy: policyOf(limit('max-gpus', 1, group(STUDENTS))) })
    const intent = intentOf({ id: 'capped' })
    const acquire = { op: 'acquire', intent, wait: { process: identity(20) } } as const
    const joined = apply(pool, acquire, contextOf(pool, { groups: [7, STUDENTS] })).pool
    expect(joined.queue).toMatchObject([{ id: 'capped', groups: [7, STUDENTS] }])
    expect(startableEntries(joined, { now: NOW, stopped })).toEqual([])
    const unlimited = apply(joined, acquire, contextOf(joined, { groups: [7] }))
    expect(unlimited.answer).toMatchObject({ kind: 'granted' })
  })

  test('is allowed by a limit for its group that is set while it waits', () => {
    const reservations = [manualOf({ units: [0] })]
    const pool = poolOf(units(2), { reservations, policy: policyOf(limit('max-gpus', 1)) })
    const acquire = {
      op: 'acquire',
      intent: intentOf({ id: 'capped' }),
      wait: { process: identity(20) },
    } as const
    const joined = apply(pool, acquire, contextOf(pool, { groups: [STUDENTS] })).pool
    const change = { key: 'max-gpus', scope: group(STUDENTS), value: 2 } as const
    expect(apply(joined, { op: 'set-policy', change }, contextOf(joined, {})).wake).toEqual(['capped'])
  })

  test('stores at most 64 groups, first those that a limit names', () => {
    const many = Array.from({ length: 200 }, (_, gid) => 1_000 + gid)
    const policy = policyOf(limit('max-gpus', 1, group(1_199)))
    expect(storedGroups(policy, many)).toHaveLength(64)
    expect(storedGroups(policy, many)[0]).toBe(1_199)
    expect(storedGroups(policy, [3, 2, 3])).toEqual([2, 3])
  })

  test('keeps its place when the limit is lowered below its size', () => {
    const lowered = poolOf(units(4), { queue: [capped], policy: policyOf(limit('max-gpus', 1)) })
    const intent = intentOf({ id: 'capped', request: someUnits(2) })
    const acquire = { op: 'acquire', intent, wait: { process: identity(20) } } as const
    const { pool, answer } = apply(lowered, acquire, contextOf(lowered, {}))
    expect(answer).toMatchObject({ kind: 'queued' })
    expect(pool.queue).toHaveLength(1)
  })
})

describe('durations', () => {
  const run = (timeout?: { after: number; grace: number }): RequestedRun => ({
    ...{ kind: 'run', process: identity(9), command: 'train' },
    ...(timeout === undefined ? {} : { timeout }),
  })
  const termOf = (policy: Policy, term: RequestedTerm) => {
    const pool = poolOf(units(1), { policy })
    const { answer } = apply(pool, { op: 'acquire', intent: intentOf({ term }) }, contextOf(pool, {}))
    if (isRefusal(answer) || answer.kind !== 'granted') return answer
    return answer.grant.reservation.term
  }

  test('max-duration refuses a longer run, reservation or extension', () => {
    const policy = policyOf(limit('max-duration', HOUR))
    const tooLong = { refused: { code: 'over-limit', limit: 'duration', asked: 2 * HOUR, most: HOUR } }
    expect(termOf(policy, { kind: 'manual', duration: 2 * HOUR })).toMatchObject(tooLong)
    expect(termOf(policy, run({ after: 2 * HOUR, grace: 1 }))).toMatchObject(tooLong)
    expect(termOf(policy, run({ after: HOUR, grace: 30_000 }))).toMatchObject({ kind: 'run' })
    expect(termOf(policy, run({ after: HOUR / 2, grace: HOUR / 2 }))).toMatchObject({ kind: 'run' })
    expect(termOf(policy, run({ after: HOUR, grace: 31_000 }))).toMatchObject({
      refused: { code: 'over-limit', limit: 'duration', asked: HOUR + 1_000, most: HOUR, grace: 1_000 },
    })
    const held = manualOf({ startedAt: NOW - HOUR, expiresAt: NOW + HOUR / 2 })
    const pool = poolOf(units(1), { reservations: [held], policy })
    const extended = apply(pool, { op: 'extend', by: HOUR / 2 }, contextOf(pool, {}))
    expect(extended.answer).toMatchObject(tooLong)
    expect(extended.pool).toBe(pool)
  })

  test('a run without a time limit gets the default duration, else the longest one', () => {
    const grace = 30_000
    const limitAt = (after: number) => ({ limit: { interruptAt: NOW + after, killAt: NOW + after + grace } })
    const usual = policyOf(limit('default-duration', HOUR / 2), limit('max-duration', HOUR))
    expect(termOf(usual, run())).toMatchObject(limitAt(HOUR / 2))
    expect(termOf(policyOf(limit('max-duration', HOUR)), run())).toMatchObject(limitAt(HOUR))
    const crossed = policyOf(limit('default-duration', 2 * HOUR), limit('max-duration', HOUR))
    expect(termOf(crossed, run())).toMatchObject(limitAt(HOUR))
    expect(termOf(policyOf(), run())).not.toHaveProperty('limit')
  })

  test('a run until a booking begins has the longest duration with its grace', () => {
    const grace = 90_000
    const policy = policyOf(limit('max-duration', HOUR))
    const interruptAt = NOW + HOUR - 60_000
    expect(termOf(policy, { ...run(), untilBooked: { grace } })).toMatchObject({
      limit: { interruptAt, killAt: interruptAt + grace },
    })
  })

  test('a reservation without a duration gets the default, and at most the longest one', () => {
    const usual = { kind: 'manual', duration: 8 * HOUR, isDefault: true } as const
    const expiry = (...limits: Limit[]) => termOf(policyOf(...limits), usual)
    expect(expiry()).toMatchObject({ expiresAt: NOW + 8 * HOUR })
    expect(expiry(limit('default-duration', HOUR))).toMatchObject({ expiresAt: NOW + HOUR })
    expect(expiry(limit('max-duration', 2 * HOUR))).toMatchObject({ expiresAt: NOW + 2 * HOUR })
  })
})

test('max-waiting limits the queue entries of an account, and may be above the usual number', () => {
  const queue = Array.from({ length: 3 }, (_, at) => waiterOf({ id: `q${at}`, request: someUnits(2) }))
  const held = manualOf({ units: [0], owner: BOB })
  const joining = (most: number, scope?: Scope) => {
    const pool = poolOf(units(2), {
      reservations: [held],
      queue,
      policy: policyOf(limit('max-waiting', most, scope)),
    })
    const operation = { op: 'join', intent: intentOf(), wait: { process: identity(9) } } as const
    return apply(pool, operation, contextOf(pool, {})).answer
  }
  const full = { code: 'over-limit', limit: 'account', waiting: 3, scope: { kind: 'pool' } }
  expect(joining(3)).toMatchObject({
    refused: { ...full, most: 3, frees: { at: NOW + HOUR, now: NOW } },
  })
  // One fewer would still be too many.
  expect(joining(2)).toEqual({ refused: { ...full, most: 2 } } as never)
  expect(joining(4)).toBeNull()
  expect(joining(0, account(BOB))).toBeNull()
})

/** What may happen to a pool, by small numbers: accounts, sizes, limits and times. */
const anyEvent = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('acquire' as const),
      who: fc.nat(2),
      size: fc.integer({ min: 1, max: 3 }),
      hours: fc.integer({ min: 1, max: 4 }),
      waits: fc.boolean(),
      exact: fc.boolean(),
    }),
  },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('ask' as const), place: fc.nat(5) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('release' as const), who: fc.nat(2) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('limit' as const),
      scope: fc.nat(4),
      most: fc.option(fc.nat(4)),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('pass' as const), hours: fc.integer({ min: 1, max: 3 }) }),
  },
)

const WHO = [ALICE, BOB, owner(1002, 'carol')]
const GROUPS = [[], [STUDENTS], [STUDENTS, STAFF]]
const SCOPES: readonly Scope[] = [
  { kind: 'pool' },
  account(ALICE),
  account(BOB),
  group(STUDENTS),
  group(STAFF),
]

test('property: no interleaving of requests, waits, releases and changes of limits grants beyond a limit', () => {
  fc.assert(
    fc.property(fc.array(anyEvent, { maxLength: 60 }), (events) => {
      let pool = poolOf(units(5), { policy: policyOf(limit('max-gpus', 2)) })
      const intents = new Map<string, { readonly intent: Intent; readonly who: number }>()
      let wall = 0
      const perform = (operation: Operation<'acquire' | 'release' | 'set-policy'>, who: number) => {
        const before = pool
        const asking = { owner: WHO[who] ?? ALICE, groups: GROUPS[who] ?? [], wall }
        pool = apply(pool, operation, contextOf(pool, asking)).pool
        expectWithinLimits(before, pool, who)
      }
      const expectWithinLimits = (before: Pool, after: Pool, who: number) => {
        const known = new Set(before.reservations.map(({ id }) => id))
        if (after.reservations.every(({ id }) => known.has(id))) return
        const uid = (WHO[who] ?? ALICE).account.uid
        const own = after.reservations.filter(({ owner: { account: each } }) => each.uid === uid)
        const held = own.reduce((sum, { holdings }) => sum + holdings.length, 0)
        expect(held).toBeLessThanOrEqual(mostFor(after.policy, who))
      }
      for (const [at, event] of events.entries()) {
        switch (event.kind) {
          case 'acquire': {
            const request = event.exact
              ? theseUnits(...[0, 1, 2].slice(0, event.size))
              : someUnits(event.size)
            const term = { kind: 'manual', duration: event.hours * HOUR } as const
            const intent = intentOf({ id: `r${at}`, owner: WHO[event.who] ?? ALICE, request, term })
            intents.set(intent.id, { intent, who: event.who })
            const wait = event.waits ? { wait: { process: identity(100 + at) } } : {}
            perform({ op: 'acquire', intent, ...wait }, event.who)
            break
          }
          case 'ask': {
            const asking = intents.get(pool.queue[event.place]?.id ?? '')
            if (asking === undefined) break
            const wait = { process: identity(100) }
            perform({ op: 'acquire', intent: asking.intent, wait }, asking.who)
            break
          }
          case 'release':
            perform({ op: 'release' }, event.who)
            break
          case 'limit': {
            const scope = SCOPES[event.scope] ?? { kind: 'pool' }
            perform({ op: 'set-policy', change: { key: 'max-gpus', scope, value: event.most } }, 0)
            break
          }
          case 'pass':
            wall += event.hours * HOUR
        }
        expectNoLimitDelays(pool, NOW + wall)
      }
    }),
    { numRuns: 400 },
  )
})

/** The limit of an account, computed without the code under test. */
function mostFor({ limits = [] }: Policy, who: number): number {
  const { uid } = (WHO[who] ?? ALICE).account
  const of = (matches: (scope: Scope) => boolean) =>
    limits.filter(({ scope }) => matches(scope)).map(({ value }) => value)
  const own = of((scope) => scope.kind === 'account' && scope.uid === uid)
  const ofGroups = of((scope) => scope.kind === 'group' && (GROUPS[who] ?? []).includes(scope.gid))
  const [most] =
    [own, ofGroups, of(({ kind }) => kind === 'pool')]
      .find((values) => values.length > 0)
      ?.toSorted((a, b) => b - a) ?? []
  return most ?? Number.POSITIVE_INFINITY
}

/** The queue without the entries that a limit blocks has the same startable entries. */
function expectNoLimitDelays(pool: Pool, now: number): void {
  const { places } = queuePlaces(pool, { now, stopped })
  const limited = new Set(
    places.filter(({ reason }) => reason.kind === 'over-limit').map(({ entry }) => entry.id),
  )
  const without = { ...pool, queue: pool.queue.filter(({ id }) => !limited.has(id)) }
  const ids = (each: Pool) => startableEntries(each, { now, stopped }).map(({ id }) => id)
  expect(ids(pool)).toEqual(ids(without))
}
