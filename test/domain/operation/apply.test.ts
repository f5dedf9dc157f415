import { describe, expect, test } from 'bun:test'
import { apply, applySetUp } from '../../../src/domain/operation/apply.ts'
import type { Intent } from '../../../src/domain/operation/intent.ts'
import type { Context, Operation, PoolOperationName } from '../../../src/domain/operation/operation.ts'
import type { PolicyChange } from '../../../src/domain/policy/change.ts'
import type { GpuUse, Liveness, Pool, Probe, ProcessIdentity, Scope } from '../../../src/domain/pool/model.ts'
import { unitsOf } from '../../../src/domain/pool/units.ts'
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
const BOB = owner(1001, 'bob')
const ROOT = owner(0, 'root')

/** An observation with all GPUs idle, except the given ones. */
function probeOf(count: number, states: Readonly<Record<number, GpuUse>> = {}): Probe {
  const idle: GpuUse = { kind: 'measured', memoryUsedMb: 0, processes: [] }
  const readings = Array.from({ length: count }, (_, index) => ({
    ...{ index, uuid: `GPU-${index}`, name: 'Fake GPU' },
    state: states[index] ?? idle,
  }))
  return { provider: 'fake', readings }
}

interface ContextParts {
  readonly gone?: readonly number[]
  readonly stopped?: readonly number[]
  readonly probe?: Probe
  readonly actor?: typeof ALICE
  readonly wall?: number
}

function contextOf({ gone = [], stopped = [], probe, actor = ALICE, wall = 0 }: ContextParts = {}): Context {
  return {
    actor: actor.account,
    now: { wall: NOON.wall + wall, steady: { ...NOON.steady, ms: NOON.steady.ms + wall } },
    processes: {
      alive: ({ pid }: ProcessIdentity): Liveness => (gone.includes(pid) ? 'gone' : 'alive'),
      stopped: ({ pid }) => stopped.includes(pid),
    },
    ...(probe === undefined ? {} : { observed: { probe, askedThresholdMb: null } }),
  }
}

const intentOf = (parts: Partial<Intent> = {}): Intent => ({
  ...{ id: 'mine', request: someUnits(1), owner: ALICE },
  term: { kind: 'manual', duration: HOUR },
  ...parts,
})

const TICKET = { process: identity(20) }

describe('every operation', () => {
  const intent = intentOf()
  const OPERATIONS: { readonly [Name in PoolOperationName]: Operation<Name> } = {
    acquire: { op: 'acquire', intent },
    claim: { op: 'claim', intent, exact: false },
    join: { op: 'join', intent, wait: TICKET },
    leave: { op: 'leave', id: 'unknown' },
    heartbeat: { op: 'heartbeat', id: 'unknown' },
    end: { op: 'end', id: 'unknown', outcome: 'exited' },
    release: { op: 'release' },
    extend: { op: 'extend', by: HOUR },
    book: {
      op: 'book',
      intent: { ...intent, term: { kind: 'booking', from: NOON.wall + HOUR, duration: HOUR } },
    },
    cancel: { op: 'cancel', id: 'unknown' },
    'adopt-devices': { op: 'adopt-devices' },
    drain: { op: 'drain', units: ['0'] },
    restore: { op: 'restore', units: ['0'] },
    'set-policy': { op: 'set-policy', change: { key: 'allocation', value: null } },
    settle: { op: 'settle' },
  }
  const gone = runOf({ id: 'gone', process: identity(10), owner: BOB })
  const expired = manualOf({ id: 'over', units: [1], owner: BOB, expiresAt: NOON.wall })
  const lost = waiterOf({ id: 'lost', process: identity(30) })

  for (const operation of Object.values(OPERATIONS)) {
    test(`${operation.op} first removes reservations and entries that have ended`, () => {
      const pool = poolOf(units(3), { reservations: [gone, expired], queue: [lost] })
      const step = apply<PoolOperationName>(pool, operation, contextOf({ gone: [10, 30], probe: probeOf(3) }))
      const left = [...step.pool.reservations, ...step.pool.queue].map(({ id }) => id)
      expect(left.filter((id) => ['gone', 'over', 'lost'].includes(id))).toEqual([])
      expect(step.records).toMatchObject([
        { reservation: 'gone', outcome: 'exited' },
        { reservation: 'over', outcome: 'expired' },
      ])
    })

    test(`${operation.op} first adjusts the pool to the clock`, () => {
      // The wall clock was set back by two hours. The reservation still has an hour left.
      const pool = poolOf(units(2), { reservations: [manualOf({ owner: BOB, units: [0] })] })
      const set = { ...contextOf({ probe: probeOf(2) }), now: { ...NOON, wall: NOON.wall - 2 * HOUR } }
      const step = apply<PoolOperationName>(pool, operation, set)
      const held = step.pool.reservations.find(({ owner: { account } }) => account.uid === BOB.account.uid)
      expect(held?.term).toMatchObject({ expiresAt: NOON.wall - HOUR })
    })
  }

  test('that changes nothing returns the same pool object, no records and no waiters to wake', () => {
    const pool = poolOf(units(1), { reservations: [manualOf({ owner: BOB })], queue: [waiterOf()] })
    for (const operation of [OPERATIONS.settle, OPERATIONS.release, OPERATIONS.leave, OPERATIONS.acquire]) {
      const step = apply<PoolOperationName>(pool, operation, contextOf({ probe: probeOf(1) }))
      expect(step.pool).toBe(pool)
      expect(step).toMatchObject({ records: [], wake: [] })
    }
  })

  test('returns the waiters to wake: those that can start in the new pool', () => {
    const queue = [waiterOf({ id: 'first', owner: BOB }), waiterOf({ id: 'second', owner: BOB })]
    const pool = poolOf(units(1), { reservations: [manualOf()], queue })
    expect(apply(pool, { op: 'release' }, contextOf()).wake).toEqual(['first'])
  })
})

describe('acquire', () => {
  test('grants, and returns what the command needs', () => {
    const context = contextOf({ probe: probeOf(2) })
    const { pool, answer } = apply(poolOf(units(2)), { op: 'acquire', intent: intentOf() }, context)
    const [reservation] = pool.reservations
    expect(answer).toEqual({
      kind: 'granted',
      grant: { reservation, devices: ['0'], provider: 'fake', grantedAt: NOON.steady.ms },
    } as typeof answer)
  })

  test('refuses with facts: holders and ends, users without a reservation, faults', () => {
    const process = { pid: 7, uid: 1001, user: 'bob', name: 'python', memoryMb: 9_000 }
    const probe = probeOf(4, {
      1: { kind: 'measured', memoryUsedMb: 9_000, processes: [process] },
      2: { kind: 'fault', reason: 'GPU is lost' },
    })
    const held = manualOf({ owner: BOB, units: [0], expiresAt: NOON.wall + HOUR })
    const unlimited = runOf({ owner: BOB, units: [3] })
    const pool = poolOf(units(4), {
      reservations: [held, unlimited],
      queue: [waiterOf({ request: someUnits(4) })],
    })
    const { answer } = apply(pool, { op: 'acquire', intent: intentOf() }, contextOf({ probe }))
    expect(answer).toEqual({
      refused: {
        ...{ code: 'short', requested: 1, available: 0, taken: [], ahead: 1, now: NOON.wall },
        busy: [
          { unit: '0', owner: 'bob', until: NOON.wall + HOUR, own: false },
          { unit: '3', owner: 'bob', own: false },
        ],
        occupied: [{ unit: '1', users: ['bob'] }],
        booked: [],
        draining: [],
        faulty: [{ unit: '2', fault: { kind: 'fault', code: 'reported', reason: 'GPU is lost' } }],
        replaced: [],
      },
    })
  })

  test("marks the account's own reservations, but not those under another shown name", () => {
    const shared = { ...ALICE, shownName: 'cyd' }
    const pool = poolOf(units(3), {
      reservations: [
        manualOf({ id: 'own', units: [0] }),
        manualOf({ id: 'cyds', owner: shared, units: [1] }),
        manualOf({ id: 'bobs', owner: BOB, units: [2] }),
      ],
    })
    const { answer } = apply(pool, { op: 'acquire', intent: intentOf() }, contextOf({ probe: probeOf(3) }))
    expect(answer).toMatchObject({ refused: { busy: [{ own: true }, { own: false }, { own: false }] } })
  })

  test('with a ticket it waits in the queue instead', () => {
    const pool = poolOf(units(1), { reservations: [manualOf({ owner: BOB })] })
    const wait = { ...TICKET, waitFor: HOUR }
    const step = apply(pool, { op: 'acquire', intent: intentOf(), wait }, contextOf({ probe: probeOf(1) }))
    expect(step.answer).toMatchObject({ kind: 'queued' })
    expect(step.pool.queue).toMatchObject([{ id: 'mine', waitUntil: NOON.wall + HOUR }])
  })

  test('is impossible if the pool does not have the GPUs', () => {
    const context = contextOf({ probe: probeOf(2) })
    const refused = (intent: Intent) => apply(poolOf(units(2)), { op: 'acquire', intent }, context).answer
    expect(refused(intentOf({ request: someUnits(3) }))).toEqual({
      refused: { code: 'impossible', missing: { kind: 'count', count: 3 }, managed: ['0', '1'] },
    })
    expect(refused(intentOf({ request: theseUnits(1, 5) }))).toEqual({
      refused: { code: 'impossible', missing: { kind: 'ids', ids: ['5'] }, managed: ['0', '1'] },
    })
  })
})

test('leave removes the queue entry, and ends a grant that was made meanwhile', () => {
  const queued = poolOf(units(1), { queue: [waiterOf({ id: 'mine' })] })
  expect(apply(queued, { op: 'leave', id: 'mine' }, contextOf()).pool.queue).toEqual([])
  const granted = poolOf(units(1), { reservations: [manualOf({ id: 'mine' })] })
  const step = apply(granted, { op: 'leave', id: 'mine' }, contextOf())
  expect(step.pool.reservations).toEqual([])
  expect(step.records).toMatchObject([{ reservation: 'mine', outcome: 'released' }])
})

describe('a report', () => {
  const run = runOf({ id: 'run', units: [0, 1], process: identity(10), heartbeatAt: NOON.wall - HOUR })
  const pool = poolOf(units(2), { reservations: [run] })
  const unknown = (wall = 0): Context => {
    const context = contextOf({ wall })
    return { ...context, processes: { ...context.processes, alive: () => 'unknown' } }
  }

  test('of a supervisor decides the outcome, whatever the kernel answers', () => {
    for (const outcome of ['exited', 'timed-out', 'released'] as const) {
      for (const context of [contextOf(), contextOf({ gone: [10] }), unknown()]) {
        const step = apply(pool, { op: 'end', id: 'run', outcome }, context)
        expect(step.records.map((record) => record.outcome)).toEqual([outcome, outcome])
        expect(step.pool.reservations).toEqual([])
      }
    }
  })

  test('that a run is alive keeps it, even if its last heartbeat is stale', () => {
    const step = apply(pool, { op: 'heartbeat', id: 'run' }, unknown())
    expect(step.answer).toEqual(['0', '1'])
    expect(step.pool.reservations).toMatchObject([{ term: { heartbeatAt: NOON.wall } }])
    expect(apply(pool, { op: 'settle' }, unknown()).records).toMatchObject([
      { outcome: 'vanished' },
      { outcome: 'vanished' },
    ])
  })

  test('that a waiter is alive keeps its place', () => {
    const waiter = waiterOf({ id: 'waiter', heartbeatAt: NOON.wall - HOUR })
    const queued = poolOf(units(1), { queue: [waiter] })
    const step = apply(queued, { op: 'heartbeat', id: 'waiter' }, unknown())
    expect(step.pool.queue).toMatchObject([{ id: 'waiter', heartbeatAt: NOON.wall }])
    expect(step.answer).toEqual([])
  })

  test('about an ended reservation revives nothing', () => {
    const empty = poolOf(units(2))
    for (const operation of [
      { op: 'heartbeat', id: 'run' },
      { op: 'end', id: 'run', outcome: 'exited' },
    ] as const) {
      expect(apply<PoolOperationName>(empty, operation, contextOf()).pool).toBe(empty)
    }
  })
})

describe('release', () => {
  const pool = poolOf(units(3), {
    reservations: [
      manualOf({ id: 'hers', units: [0] }),
      runOf({ id: 'run', units: [1] }),
      manualOf({ id: 'his', units: [2], owner: BOB }),
    ],
  })

  test("without units ends the actor's manual reservations", () => {
    const step = apply(pool, { op: 'release' }, contextOf())
    expect(step.answer).toEqual(['0'])
    expect(step.pool.reservations.map(({ id }) => id)).toEqual(['run', 'his'])
  })

  test("does not end another account's reservation, and names the holder", () => {
    const step = apply(pool, { op: 'release', units: ['1', '2'] }, contextOf())
    expect(step.answer).toMatchObject({
      refused: { code: 'not-yours', unit: '2', owner: 'bob', requested: ['1', '2'], now: NOON.wall },
    })
    expect(step.pool).toBe(pool)
  })

  test('by the administrator ends reservations of any account, and records the administrator', () => {
    const step = apply(pool, { op: 'release', units: ['2', '1'] }, contextOf({ actor: ROOT }))
    expect(step.answer).toEqual(['1', '2'])
    expect(step.records.map(({ endedBy }) => endedBy?.name)).toEqual(['root', 'root'])
  })

  test('is refused for units that the pool does not have', () => {
    const { answer } = apply(pool, { op: 'release', units: ['1', '9'] }, contextOf())
    expect(answer).toEqual({ refused: { code: 'no-such-unit', units: ['9'] } })
  })
})

describe('extend', () => {
  const held = manualOf({ id: 'hers', units: [0], expiresAt: NOON.wall + HOUR })
  const pool = poolOf(units(2), { reservations: [held] })

  test("moves the ends of the actor's manual reservations", () => {
    const { answer } = apply(pool, { op: 'extend', by: HOUR }, contextOf())
    expect(answer).toMatchObject([{ id: 'hers', term: { expiresAt: NOON.wall + 2 * HOUR } }])
  })

  test('keeps the end a date, however often it is repeated', () => {
    let extended: Pool = pool
    const century = 100 * 366 * 24 * HOUR
    for (let times = 0; times < 5_000; times++) {
      extended = apply(extended, { op: 'extend', by: century }, contextOf()).pool
    }
    expect(extended.reservations[0]?.term).toEqual({ kind: 'manual', expiresAt: NOON.wall + 10 * century })
  })

  test('is refused if there is nothing to extend, and for units that do not exist', () => {
    const extend = (op: Operation<'extend'>, actor = ALICE) => apply(pool, op, contextOf({ actor })).answer
    expect(extend({ op: 'extend', by: HOUR }, BOB)).toEqual({ refused: { code: 'nothing-to-extend' } })
    expect(extend({ op: 'extend', by: HOUR, units: ['1'] })).toEqual({
      refused: { code: 'nothing-to-extend', units: ['1'] },
    })
    expect(extend({ op: 'extend', by: HOUR, units: ['7'] })).toMatchObject({
      refused: { code: 'impossible' },
    })
  })

  test('is refused if it delays a waiter, unless that waiter is stopped', () => {
    const queue = [waiterOf({ request: someUnits(2), owner: BOB, process: identity(20) })]
    const withWaiter: Pool = { ...pool, queue }
    const operation = { op: 'extend', by: HOUR } as const
    expect(apply(withWaiter, operation, contextOf()).answer).toEqual({ refused: { code: 'promised' } })
    expect(apply(withWaiter, operation, contextOf({ stopped: [20] })).answer).toMatchObject([{ id: 'hers' }])
  })
})

describe('claim', () => {
  const process = { pid: 7, uid: 1000, user: 'alice', name: 'python', memoryMb: 9_000 }
  const used: GpuUse = { kind: 'measured', memoryUsedMb: 9_000, processes: [process] }
  const claim = (intent: Intent, probe: Probe) =>
    apply(poolOf(units(2)), { op: 'claim', intent, exact: false }, contextOf({ probe })).answer

  test('of an id that is granted already returns that grant', () => {
    const observed = contextOf({ probe: probeOf(2, { 0: used, 1: used }) })
    const operation = { op: 'claim', intent: intentOf(), exact: true } as const
    const first = apply(poolOf(units(2)), operation, observed)
    const second = apply(first.pool, operation, observed)
    expect(second.pool).toBe(first.pool)
    expect(second.answer).toEqual(first.answer)
  })

  test("reserves units that only the actor's processes use", () => {
    const answer = claim(intentOf(), probeOf(2, { 1: used }))
    expect('refused' in answer ? [] : unitsOf(answer.reservation)).toEqual(['1'])
  })

  test('is refused with the reason: no GPU is used, an owner is hidden, or memory is unexplained', () => {
    const { uid: _, user: __, ...hidden } = process
    expect(claim(intentOf(), probeOf(2))).toEqual({
      refused: { code: 'nothing-to-claim', claimable: 0 },
    })
    expect(claim(intentOf(), probeOf(2, { 0: { ...used, processes: [hidden] } }))).toMatchObject({
      refused: { because: { kind: 'hidden-process', pid: 7 } },
    })
    expect(claim(intentOf(), probeOf(2, { 0: { ...used, memoryUsedMb: 20_000 } }))).toMatchObject({
      refused: { because: { kind: 'unexplained-memory', unit: '0', memoryMb: 11_000 } },
    })
  })
})

describe('the administrator', () => {
  test('adopts all devices that the driver reports, or none', () => {
    const operation = { op: 'adopt-devices' } as const
    const probe = probeOf(2)
    const others = {
      ...probe,
      readings: probe.readings.map((each) => ({ ...each, uuid: `new-${each.index}` })),
    }
    const step = apply(poolOf(units(2)), operation, contextOf({ probe: others }))
    expect(step.pool.units.map(({ device }) => device.uuid)).toEqual(['new-0', 'new-1'])
    const fewer = apply(poolOf(units(2)), operation, contextOf({ probe: probeOf(1) }))
    expect(fewer.answer).toEqual({
      refused: { code: 'devices-missing', units: ['1'], managed: 2, shown: 1 },
    })
  })

  test('sets one rule, with its author and time; the same value again writes nothing', () => {
    const stamp = { by: ROOT.account, at: NOON.wall }
    const asRoot = contextOf({ actor: ROOT })
    const set = (change: PolicyChange) => ({ op: 'set-policy', change }) as const
    const threshold = set({ key: 'memory-threshold', value: 512 })
    const { pool, answer } = apply(poolOf(units(1)), threshold, asRoot)
    expect(answer).toEqual({
      ...{ allocation: 'lru', memoryThresholdMb: 512 },
      stamps: { memoryThresholdMb: stamp },
    })
    expect(apply(pool, threshold, contextOf()).pool).toBe(pool)
    const unset = set({ key: 'memory-threshold', value: null })
    expect(apply(pool, unset, asRoot).answer).toEqual({ allocation: 'lru', stamps: {} })
    const other = apply(pool, set({ key: 'allocation', value: 'mru-per-user' }), asRoot)
    expect(other.answer).toMatchObject({
      ...{ allocation: 'mru-per-user', memoryThresholdMb: 512 },
      stamps: { allocation: stamp, memoryThresholdMb: stamp },
    })
    const usual = set({ key: 'memory-threshold', value: 1024 })
    const fresh = poolOf(units(1))
    expect(apply(fresh, usual, asRoot).pool).toBe(fresh)
  })

  test('sets a limit for each scope, replaces it, and removes it', () => {
    const asRoot = contextOf({ actor: ROOT })
    const scope = { kind: 'account', uid: 1000, name: 'alice' } as const
    const change = (value: number | null, of: Scope = scope) =>
      ({ op: 'set-policy', change: { key: 'max-gpus', scope: of, value } }) as const
    const one = apply(poolOf(units(1)), change(2), asRoot).pool
    const two = apply(one, change(1, { kind: 'pool' }), asRoot).pool
    expect(two.policy.limits).toMatchObject([{ scope, value: 2, by: ROOT.account }, { value: 1 }])
    expect(apply(two, change(2), contextOf()).pool).toBe(two)
    const replaced = apply(two, change(3), asRoot).pool
    expect(replaced.policy.limits?.map(({ value }) => value).toSorted()).toEqual([1, 3])
    expect(apply(replaced, change(null), asRoot).pool.policy.limits).toMatchObject([{ value: 1 }])
    expect(apply(one, change(null, { kind: 'pool' }), asRoot).pool).toBe(one)
  })

  const newPool = { host: 'box', provider: 'fake', units: units(1), policy: {} } as const

  test('sets up a pool if there is none, and replaces one only with force', () => {
    const first = applySetUp(null, { op: 'set-up', ...newPool, force: false }, contextOf({ actor: ROOT }))
    expect(first.answer).toEqual({ kind: 'initialized' })
    const again = applySetUp(first.pool, { op: 'set-up', ...newPool, force: false }, contextOf())
    expect(again.answer).toEqual({ refused: { code: 'already-initialized', units: 1 } })
    expect(again.pool).toBe(first.pool)
  })

  test('that replaces a pool ends its reservations, and keeps its rules and the waiters that it can grant', () => {
    const current = poolOf(units(2), {
      reservations: [runOf({ id: 'run', process: identity(10) }), manualOf({ id: 'hers', units: [1] })],
      queue: [waiterOf({ id: 'one' }), waiterOf({ id: 'two', request: someUnits(2) })],
      policy: { allocation: 'mru-per-user' },
    })
    const context = contextOf({ actor: ROOT, gone: [10] })
    const step = applySetUp(current, { op: 'set-up', ...newPool, force: true }, context)
    expect(step.answer).toEqual({ kind: 'reinitialized' })
    expect(step.pool).toMatchObject({ reservations: [], queue: [{ id: 'one' }] })
    expect(step.pool.policy.allocation).toBe('mru-per-user')
    expect(step.records).toMatchObject([
      { reservation: 'run', outcome: 'exited' },
      { reservation: 'hers', outcome: 'reset', endedBy: { name: 'root' } },
    ])
    expect(step.wake).toEqual(['one'])
  })
})
