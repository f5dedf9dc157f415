import { expect, test } from 'bun:test'
import { endReservation, endWhere, HEARTBEAT_STALE_MS, settle } from '../../src/domain/ending.ts'
import type { Liveness, ManualReservation, Pool, RunReservation } from '../../src/domain/model.ts'
import { identity, NOON, poolOf, unusedGpus } from './arbitraries.ts'

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

const poolWith = (...reservations: Pool['reservations']): Pool => poolOf(unusedGpus(3), { reservations })
const settledWith = (liveness: Liveness, reservation: RunReservation) =>
  settle(poolWith(reservation), NOON.wall, { alive: () => liveness, stopped: () => false })

test('the very same pool when nothing is over', () => {
  const pool = poolWith(run(), manual(1))
  const settled = settle(pool, NOON.wall, { alive: () => 'alive', stopped: () => false })
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

test('a run from before a reboot vanished at its last heartbeat', () => {
  const { ended } = settledWith('rebooted', run(120_000))
  expect(ended).toHaveLength(2)
  expect(ended[0]).toMatchObject({ outcome: 'vanished', endedAt: NOON.wall - 120_000 })
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
  expect(settle(poolWith(manual(1)), NOON.wall, { alive: () => 'gone', stopped: () => false }).ended).toEqual(
    [],
  )
  for (const late of [0, 7_000]) {
    const { ended } = settle(poolWith(manual(-late)), NOON.wall, {
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
