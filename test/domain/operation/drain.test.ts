import { expect, test } from 'bun:test'
import { obstaclesIn } from '../../../src/domain/observation/obstacles.ts'
import { statusOf } from '../../../src/domain/observation/status.ts'
import { apply, applySetUp } from '../../../src/domain/operation/apply.ts'
import type { Intent } from '../../../src/domain/operation/intent.ts'
import type { Context } from '../../../src/domain/operation/operation.ts'
import type { Account, GpuUse, Pool, Probe } from '../../../src/domain/pool/model.ts'
import { poolFaults } from '../../../src/domain/pool/soundness.ts'
import { unitsOf } from '../../../src/domain/pool/units.ts'
import { expectedStarts } from '../../../src/domain/schedule/expected-starts.ts'
import { queuePlaces } from '../../../src/domain/schedule/queue-places.ts'
import { allIdle, idle } from '../pool/arbitraries.ts'
import {
  ALICE,
  manualOf,
  NOON,
  owner,
  poolOf,
  runOf,
  someUnits,
  theseUnits,
  unit,
  units,
  waiterOf,
} from '../pool/builders.ts'

const HOUR = 3_600_000
const ROOT: Account = { uid: 0, name: 'root' }
const BOB = owner(1001, 'bob')
const FAN = { since: NOON.wall, by: ROOT, reason: 'fan' }

const drained = (number: number) => unit(number, { drain: FAN })

function probeOf(count: number, uses: Readonly<Record<number, GpuUse>> = {}): Probe {
  const readings = Array.from({ length: count }, (_, index) => ({
    ...{ index, uuid: `GPU-${index}`, name: 'Fake GPU' },
    state: uses[index] ?? idle(),
  }))
  return { provider: 'fake', readings }
}

const contextOf = (actor: Account, probe = probeOf(4), wall = NOON.wall): Context => ({
  actor,
  now: { wall, steady: { ...NOON.steady, ms: NOON.steady.ms + wall - NOON.wall } },
  processes: { alive: () => 'alive', stopped: () => false },
  observed: { probe, askedThresholdMb: null },
})

const intentOf = (parts: Partial<Intent> = {}): Intent => ({
  ...{ id: 'mine', request: someUnits(1), owner: ALICE },
  term: { kind: 'manual', duration: HOUR },
  ...parts,
})

const drain = (pool: Pool, ids: readonly string[], reason = 'fan') =>
  apply(pool, { op: 'drain', units: ids, reason }, contextOf(ROOT))

const acquire = (pool: Pool, parts: Partial<Intent> = {}, probe = probeOf(4)) =>
  apply(pool, { op: 'acquire', intent: intentOf(parts) }, contextOf(ALICE.account, probe))

test('a drain records author, time and reason; the holder keeps the GPU, and the pool stays sound', () => {
  const pool = poolOf(units(2), { reservations: [runOf({ units: [0], owner: BOB })] })
  const step = drain(pool, ['0', '1'])
  expect(step.answer).toEqual({ changed: ['0', '1'], held: [{ unit: '0', owner: 'bob' }] })
  expect(step.pool.units.map((each) => each.drain)).toEqual([FAN, FAN])
  expect(step.pool.reservations).toEqual(pool.reservations)
  expect(step.records).toEqual([])
  expect(poolFaults(step.pool)).toEqual([])
})

test('a drained GPU is not granted: not by number, not by id, not by a claim', () => {
  const pool = poolOf([drained(0), unit(1)])
  const one = acquire(pool)
  expect(unitsOf(one.pool.reservations[0] ?? manualOf({ units: [] }))).toEqual(['1'])
  expect(acquire(pool, { request: someUnits(2) }).answer).toMatchObject({
    refused: { code: 'short', available: 1, draining: [{ unit: '0', drain: FAN }], occupied: [], faulty: [] },
  })
  expect(acquire(pool, { request: theseUnits(0) }).answer).toMatchObject({
    refused: { code: 'short', taken: ['0'], draining: [{ unit: '0' }] },
  })
  const own = { pid: 7, uid: ALICE.account.uid, name: 'python', memoryMb: 9_000 }
  const used = probeOf(2, { 0: { kind: 'measured', memoryUsedMb: 9_000, processes: [own] } })
  const claim = apply(pool, { op: 'claim', intent: intentOf(), exact: false }, contextOf(ALICE.account, used))
  expect(claim.answer).toMatchObject({ refused: { code: 'nothing-to-claim', claimable: 0 } })
})

test('a drained GPU with another fault or another use is refused as drained', () => {
  const pool = poolOf([drained(0), drained(1)])
  const probe = probeOf(2, { 0: { kind: 'fault', reason: 'GPU is lost' }, 1: idle(9_000) })
  expect(acquire(pool, {}, probe).answer).toMatchObject({
    refused: { draining: [{ unit: '0' }, { unit: '1' }], occupied: [], faulty: [], replaced: [] },
  })
})

test('a released GPU that is drained stays out of service until it is restored', () => {
  const waiting = waiterOf({ owner: BOB })
  const held = poolOf([drained(0)], { reservations: [manualOf({ units: [0] })], queue: [waiting] })
  const released = apply(held, { op: 'release' }, contextOf(ALICE.account))
  expect(released.wake).toEqual([])
  expect(acquire({ ...released.pool, queue: [] }).answer).toMatchObject({ refused: { code: 'short' } })
  const restored = apply(released.pool, { op: 'restore', units: ['0'] }, contextOf(ROOT))
  expect(restored.answer).toEqual(['0'])
  expect(restored.pool.units[0]?.drain).toBeUndefined()
  expect(restored.wake).toEqual([waiting.id])
})

test('both are idempotent, and a new reason replaces reason and author but not the time', () => {
  const { pool } = drain(poolOf(units(2)), ['0'])
  const again = drain(pool, ['0'])
  expect(again.answer).toEqual({ changed: [], held: [] })
  expect(again.pool).toBe(pool)
  const later = contextOf({ uid: 0, name: 'admin' }, probeOf(2), NOON.wall + HOUR)
  const silent = apply(pool, { op: 'drain', units: ['0'] }, later)
  expect(silent.pool).toBe(pool)
  const other = apply(pool, { op: 'drain', units: ['0'], reason: 'riser' }, later)
  expect(other.pool.units[0]?.drain).toEqual({
    ...{ since: NOON.wall, reason: 'riser', by: { uid: 0, name: 'admin' } },
  })
  const restored = apply(pool, { op: 'restore', units: ['0', '1'] }, contextOf(ROOT))
  expect(restored.answer).toEqual(['0'])
  expect(apply(restored.pool, { op: 'restore', units: ['0'] }, contextOf(ROOT)).pool).toBe(restored.pool)
})

test('an unknown GPU is refused, and nothing changes', () => {
  const pool = poolOf(units(1))
  for (const op of ['drain', 'restore'] as const) {
    const step = apply(pool, { op, units: ['0', '7'] }, contextOf(ROOT))
    expect(step.answer).toEqual({ refused: { code: 'no-such-unit', units: ['7'] } })
    expect(step.pool).toBe(pool)
  }
})

test('a manual reservation on a draining GPU is not extended', () => {
  const pool = poolOf([drained(0), unit(1)], {
    reservations: [manualOf({ id: 'a', units: [0] }), manualOf({ id: 'b', units: [1] })],
  })
  const extend = (ids: readonly string[]) =>
    apply(pool, { op: 'extend', by: HOUR, units: ids }, contextOf(ALICE.account)).answer
  expect(extend(['0'])).toEqual({ refused: { code: 'draining', draining: [{ unit: '0', drain: FAN }] } })
  expect(extend(['1'])).toMatchObject([{ id: 'b' }])
})

test('waiters: a request that needs a drained GPU holds nobody up, and its forecast names the drain', () => {
  const all = waiterOf({ id: 'all', request: someUnits(2) })
  const next = waiterOf({ id: 'next', owner: BOB })
  const pool = poolOf([drained(0), unit(1)], { queue: [all, next] })
  expect(acquire(pool, { id: 'next', owner: BOB }).answer).toMatchObject({ kind: 'granted' })
  const reading = { evidence: allIdle(pool), reserved: new Set<string>() }
  const obstacles = obstaclesIn(pool, reading)
  expect(obstacles).toEqual([{ kind: 'draining', unit: '0', drain: FAN }])
  const stopped = () => false
  const starts = expectedStarts(pool, { now: NOON.wall, stopped, obstacles })
  expect(starts.get('all')).toEqual({
    kind: 'unknown',
    obstacle: { kind: 'draining', unit: '0', drain: FAN },
  })
  expect(starts.get('next')).toMatchObject({ kind: 'at', at: NOON.wall })
  const { places } = queuePlaces(pool, { now: NOON.wall, stopped, reading })
  expect(places.map(({ reason }) => reason)).toEqual([
    { kind: 'short', free: 1, obstacles: [{ kind: 'draining', unit: '0', drain: FAN }] },
    { kind: 'next' },
  ])
})

test('the status shows a drained GPU as drained, and a held one as reserved', () => {
  const pool = poolOf([drained(0), drained(1), unit(2)], { reservations: [manualOf({ units: [1] })] })
  const { readings, thresholdMb } = allIdle(pool)
  const kinds = statusOf(pool, readings, thresholdMb).map(({ kind, unit: { drain } }) => [kind, drain])
  expect(kinds).toEqual([
    ['drained', FAN],
    ['reserved', FAN],
    ['available', undefined],
  ])
})

test('the time of a drain follows the clock', () => {
  const set = { ...contextOf(ROOT), now: { ...NOON, wall: NOON.wall - 2 * HOUR } }
  const { pool } = apply(poolOf([drained(0)]), { op: 'settle' }, set)
  const [unset] = apply(poolOf([drained(0)]), { op: 'drain', units: ['0'], reason: 'x' }, set).pool.units
  expect(unset?.drain?.since).toBe(NOON.wall - 2 * HOUR)
  expect(pool.units).toHaveLength(1)
})

test('a drain survives new devices in the same place, and a reset: the same GPU by UUID, else by number', () => {
  const renamed = probeOf(2)
  const another = {
    ...renamed,
    readings: renamed.readings.map((each) => ({ ...each, uuid: `${each.uuid}-b` })),
  }
  const pool = poolOf([drained(0), unit(1)])
  const adopted = apply(pool, { op: 'adopt-devices' }, contextOf(ROOT, another))
  expect(adopted.pool.units[0]).toMatchObject({ device: { uuid: 'GPU-0-b' }, drain: FAN })
  const reset = (found: readonly ReturnType<typeof unit>[]) =>
    applySetUp(
      pool,
      { op: 'set-up', host: 'box', provider: 'fake', units: found, policy: {}, force: true },
      contextOf(ROOT),
    ).pool?.units.map(({ drain: kept }) => kept !== undefined)
  const moved = [unit(0, { device: unit(1).device }), unit(1, { device: unit(0).device })]
  expect(reset(units(2))).toEqual([true, false])
  expect(reset(moved)).toEqual([false, true])
  expect(reset(units(2).map((each) => ({ ...each, device: { uuid: '', name: 'x' } })))).toEqual([true, false])
})
