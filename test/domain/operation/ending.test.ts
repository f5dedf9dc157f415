import { describe, expect, test } from 'bun:test'
import { endReservation, endWhere, HEARTBEAT_STALE_MS, settle } from '../../../src/domain/operation/ending.ts'
import type {
  Liveness,
  ManualReservation,
  Moment,
  Pool,
  QueueEntry,
  RunReservation,
} from '../../../src/domain/pool/model.ts'
import { identity, NOON, poolOf, unusedGpus } from '../pool/arbitraries.ts'

const account = { uid: 1000, name: 'alice' }
const base = { user: 'alice', account, startedAt: NOON.wall - 3_600_000 }

const run = (heartbeatAgo = 5_000): RunReservation => ({
  ...base,
  kind: 'run',
  id: 'run',
  gpus: [0, 2],
  process: identity(10),
  heartbeatAt: NOON.wall - heartbeatAgo,
  command: 'train',
})

const manual = (expiresIn: number): ManualReservation => ({
  ...base,
  kind: 'manual',
  id: 'manual',
  gpus: [1],
  expiresAt: NOON.wall + expiresIn,
})

const waiter = (): QueueEntry => ({
  id: 'waiter',
  user: 'alice',
  account,
  request: { kind: 'count', count: 1 },
  kind: 'run',
  process: identity(20),
  joinedAt: NOON.wall - 1_000,
  heartbeatAt: NOON.wall - 1_000,
})

const poolWith = (...reservations: Pool['reservations']): Pool => poolOf(unusedGpus(3), { reservations })
const settledWith = (liveness: Liveness, reservation: RunReservation) =>
  settle(poolWith(reservation), NOON, { alive: () => liveness, stopped: () => false })

test('the very same pool when nothing is over', () => {
  const pool = poolWith(run(), manual(1))
  const settled = settle(pool, NOON, { alive: () => 'alive', stopped: () => false })
  expect(settled.pool).toBe(pool)
  expect(settled.ended).toEqual([])
})

test('a run whose process is gone has ended now, on every GPU it had', () => {
  const { pool, ended } = settledWith('gone', run())
  expect(pool.reservations).toEqual([])
  expect(ended.map(({ gpu, outcome, endedAt }) => ({ gpu, outcome, endedAt }))).toEqual([
    { gpu: 0, outcome: 'exited', endedAt: NOON.wall },
    { gpu: 2, outcome: 'exited', endedAt: NOON.wall },
  ])
  expect(pool.gpus.map((gpu) => [gpu.releasedAt, gpu.releasedBy])).toEqual([
    [NOON.wall, 1000],
    [undefined, undefined],
    [NOON.wall, 1000],
  ])
})

describe('a reboot', () => {
  const at = (epoch: string, ms: number): Moment => ({ wall: NOON.wall, steady: { epoch, ms } })
  const written = at('boot-1/4026531834', 86_400_000)
  const pool = { ...poolWith(run(120_000), manual(1)), queue: [waiter()], writtenAt: written }
  const settledAt = (moment: Moment, before = written) =>
    settle({ ...pool, writtenAt: before }, moment, { alive: () => 'unknown', stopped: () => false })

  test('is proven by another boot id and less time since boot: runs vanished at their last heartbeat', () => {
    const { pool: after, ended } = settledAt(at('boot-2/4026531834', 60_000))
    expect(ended.map(({ gpu, outcome, endedAt }) => [gpu, outcome, endedAt])).toEqual([
      [0, 'vanished', NOON.wall - 120_000],
      [2, 'vanished', NOON.wall - 120_000],
    ])
    expect(after.reservations.map(({ id }) => id)).toEqual(['manual'])
    expect(after.queue).toEqual([])
  })

  test.each([
    ['another boot id alone', at('boot-2/4026531834', 86_400_000), written],
    ['less time since boot alone', at('boot-1/4026531834', 1), written],
    ['another time namespace', at('boot-2/4026532999', 1), written],
    ['a boot id that we cannot read', at('unknown/4026531834', 1), written],
    ['a time namespace that we cannot read', at('boot-2/unknown', 1), at('boot-1/unknown', 2)],
    ['a boot id that the writer could not read', at('boot-2/4026531834', 1), at('unknown/4026531834', 2)],
    ['boot ids that neither could read', at('unknown/4026531834', 1), at('unknown/4026531834', 2)],
    ['an empty boot id', at('/4026531834', 1), written],
  ])('is not proven by %s', (_, moment, before) => {
    const { pool: after, ended } = settledAt(moment, before)
    expect(ended).toEqual([])
    expect(after.reservations).toHaveLength(2)
    expect(after.queue).toHaveLength(1)
  })

  test('that cannot be proven ends runs by their stale heartbeats', () => {
    const stale = poolWith(run(HEARTBEAT_STALE_MS + 1))
    const { ended } = settle({ ...stale, writtenAt: at('unknown/4026531834', 2) }, NOON, {
      alive: () => 'unknown',
      stopped: () => false,
    })
    expect(ended).toMatchObject([{ outcome: 'vanished' }, { outcome: 'vanished' }])
  })
})

test('the heartbeat decides only where the process cannot be checked', () => {
  const stale = run(HEARTBEAT_STALE_MS + 1)
  expect(settledWith('alive', stale).ended).toEqual([])
  expect(settledWith('unknown', run(HEARTBEAT_STALE_MS)).ended).toEqual([])
  expect(settledWith('unknown', stale).ended[0]).toMatchObject({
    outcome: 'vanished',
    endedAt: stale.heartbeatAt,
  })
})

test('a manual reservation expires at its time, not when somebody looks', () => {
  expect(settle(poolWith(manual(1)), NOON, { alive: () => 'gone', stopped: () => false }).ended).toEqual([])
  for (const late of [0, 7_000]) {
    const { ended } = settle(poolWith(manual(-late)), NOON, {
      alive: () => 'gone',
      stopped: () => false,
    })
    expect(ended).toMatchObject([{ outcome: 'expired', endedAt: NOON.wall - late, gpu: 1 }])
  }
})

test('an end goes by id, and ends nothing a second time', () => {
  const first = endReservation(poolWith(run(), manual(60_000)), 'run', 'released', NOON.wall)
  expect(first.pool.reservations.map((each) => each.id)).toEqual(['manual'])
  expect(first.ended.map((each) => each.outcome)).toEqual(['released', 'released'])
  const second = endReservation(first.pool, 'run', 'exited', NOON.wall + 1)
  expect(second.pool).toBe(first.pool)
  expect(second.ended).toEqual([])
})

test('a record tells who, what, from, to and the note; never a negative time', () => {
  const noted = { ...run(), note: 'night shift' }
  const { ended } = endWhere(poolWith(noted), () => ({ outcome: 'released', at: noted.startedAt - 1 }))
  expect(ended[0]).toEqual({
    host: 'box',
    reservation: 'run',
    gpu: 0,
    user: 'alice',
    account,
    kind: 'run',
    startedAt: noted.startedAt,
    endedAt: noted.startedAt,
    note: 'night shift',
    outcome: 'released',
  })
})
