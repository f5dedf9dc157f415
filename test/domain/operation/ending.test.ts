import { describe, expect, test } from 'bun:test'
import {
  endReservation,
  endWhere,
  HEARTBEAT_STALE_MS,
  releaseUnits,
  settle,
} from '../../../src/domain/operation/ending.ts'
import type { Liveness, Moment, Pool, RunReservation } from '../../../src/domain/pool/model.ts'
import { unitsOf } from '../../../src/domain/pool/units.ts'
import {
  ALICE,
  bookingOf,
  maintenanceOf,
  manualOf,
  NOON,
  owner,
  poolOf,
  runOf,
  units,
  waiterOf,
} from '../pool/builders.ts'

const run = (heartbeatAgo = 5_000) => runOf({ units: [0, 2], heartbeatAt: NOON.wall - heartbeatAgo })
const manual = (expiresIn: number) => manualOf({ units: [1], expiresAt: NOON.wall + expiresIn })

const poolWith = (...reservations: Pool['reservations']): Pool => poolOf(units(3), { reservations })
const settledWith = (liveness: Liveness, reservation: RunReservation) =>
  settle(poolWith(reservation), NOON, { alive: () => liveness, stopped: () => false })

test('the pool object is the same if nothing has ended', () => {
  const pool = poolWith(run(), manual(1))
  const settled = settle(pool, NOON, { alive: () => 'alive', stopped: () => false })
  expect(settled.pool).toBe(pool)
  expect(settled.ended).toEqual([])
})

test('a run whose process is gone ends now, on all its GPUs', () => {
  const { pool, ended } = settledWith('gone', run())
  expect(pool.reservations).toEqual([])
  expect(ended.map(({ unit, outcome, endedAt }) => ({ unit, outcome, endedAt }))).toEqual([
    { unit: '0', outcome: 'exited', endedAt: NOON.wall },
    { unit: '2', outcome: 'exited', endedAt: NOON.wall },
  ])
  const used = { endedAt: NOON.wall, uid: 1000 }
  expect(pool.units.map(({ lastUse }) => lastUse)).toEqual([used, undefined, used])
})

describe('a reboot', () => {
  const at = (epoch: string, ms: number): Moment => ({ wall: NOON.wall, steady: { epoch, ms } })
  const written = at('boot-1/4026531834', 86_400_000)
  const pool = { ...poolWith(run(120_000), manual(1)), queue: [waiterOf()], writtenAt: written }
  const settledAt = (moment: Moment, before = written) =>
    settle({ ...pool, writtenAt: before }, moment, { alive: () => 'unknown', stopped: () => false })

  test('is detected by another boot id and less time since boot: runs vanished at their last heartbeat', () => {
    const { pool: after, ended } = settledAt(at('boot-2/4026531834', 60_000))
    expect(ended.map(({ unit, outcome, endedAt }) => [unit, outcome, endedAt])).toEqual([
      ['0', 'vanished', NOON.wall - 120_000],
      ['2', 'vanished', NOON.wall - 120_000],
    ])
    expect(after.reservations.map(({ id }) => id)).toEqual(['manual'])
    expect(after.queue).toEqual([])
  })

  test.each([
    ['another boot id alone', at('boot-2/4026531834', 86_400_000), written],
    ['less time since boot alone', at('boot-1/4026531834', 1), written],
    ['another time namespace', at('boot-2/4026532999', 1), written],
    ['a boot id that this process cannot read', at('unknown/4026531834', 1), written],
    ['a time namespace that this process cannot read', at('boot-2/unknown', 1), at('boot-1/unknown', 2)],
    ['a boot id that the writer could not read', at('boot-2/4026531834', 1), at('unknown/4026531834', 2)],
    ['boot ids that neither could read', at('unknown/4026531834', 1), at('unknown/4026531834', 2)],
    ['an empty boot id', at('/4026531834', 1), written],
  ])('is not proven by %s', (_, moment, before) => {
    const { pool: after, ended } = settledAt(moment, before)
    expect(ended).toEqual([])
    expect(after.reservations).toHaveLength(2)
    expect(after.queue).toHaveLength(1)
  })

  test('that cannot be detected ends runs by their stale heartbeats', () => {
    const stale = poolWith(run(HEARTBEAT_STALE_MS + 1))
    const { ended } = settle({ ...stale, writtenAt: at('unknown/4026531834', 2) }, NOON, {
      alive: () => 'unknown',
      stopped: () => false,
    })
    expect(ended).toMatchObject([{ outcome: 'vanished' }, { outcome: 'vanished' }])
  })
})

test('the heartbeat decides only if the process cannot be checked', () => {
  const stale = run(HEARTBEAT_STALE_MS + 1)
  expect(settledWith('alive', stale).ended).toEqual([])
  expect(settledWith('unknown', run(HEARTBEAT_STALE_MS)).ended).toEqual([])
  expect(settledWith('unknown', stale).ended[0]).toMatchObject({
    outcome: 'vanished',
    endedAt: stale.term.heartbeatAt,
  })
})

test('a manual reservation expires at its time, not at the next read', () => {
  expect(settle(poolWith(manual(1)), NOON, { alive: () => 'gone', stopped: () => false }).ended).toEqual([])
  for (const late of [0, 7_000]) {
    const { ended } = settle(poolWith(manual(-late)), NOON, {
      alive: () => 'gone',
      stopped: () => false,
    })
    expect(ended).toMatchObject([{ outcome: 'expired', endedAt: NOON.wall - late, unit: '1' }])
  }
})

test('a booking and a maintenance expire at their time; an open maintenance does not', () => {
  const settledAt = (...reservations: Pool['reservations']) =>
    settle(poolWith(...reservations), NOON, { alive: () => 'gone', stopped: () => false })
  const lasting = [
    bookingOf({ units: [0], until: NOON.wall + 1 }),
    maintenanceOf({ id: 'limited', units: [1], until: NOON.wall + 1 }),
    maintenanceOf({ id: 'open', units: [2] }),
  ]
  expect(settledAt(...lasting)).toEqual({ pool: poolWith(...lasting), ended: [] })
  for (const late of [0, 7_000]) {
    const until = NOON.wall - late
    const { pool, ended } = settledAt(
      bookingOf({ units: [0, 2], until }),
      maintenanceOf({ units: [1], until }),
    )
    expect(ended.map(({ unit, term, outcome, endedAt }) => [unit, term, outcome, endedAt])).toEqual([
      ['0', 'booking', 'expired', until],
      ['2', 'booking', 'expired', until],
      ['1', 'maintenance', 'expired', until],
    ])
    expect(pool.reservations).toEqual([])
  }
})

test('a booking and a maintenance outlast a reboot', () => {
  const before: Moment = { wall: NOON.wall, steady: { epoch: 'boot-1/1', ms: 86_400_000 } }
  const rebooted: Moment = { wall: NOON.wall, steady: { epoch: 'boot-2/1', ms: 60_000 } }
  const reservations = [bookingOf({ units: [0] }), maintenanceOf({ units: [1] })]
  const pool = { ...poolWith(...reservations, runOf({ units: [2] })), writtenAt: before }
  const { pool: after, ended } = settle(pool, rebooted, { alive: () => 'unknown', stopped: () => false })
  expect(ended).toMatchObject([{ unit: '2', outcome: 'vanished' }])
  expect(after.reservations).toEqual(reservations)
})

test('units are released one by one, whatever the term; the last one ends the reservation', () => {
  const pool = poolWith(bookingOf({ units: [0, 1] }), maintenanceOf({ units: [2] }))
  const root = owner(0, 'root').account
  const first = releaseUnits(pool, ['1', '2'], NOON.wall, root)
  expect(first.pool.reservations.map((held) => [held.id, unitsOf(held)])).toEqual([['booking', ['0']]])
  expect(first.ended.map(({ unit, term, endedBy }) => [unit, term, endedBy])).toEqual([
    ['1', 'booking', root],
    ['2', 'maintenance', root],
  ])
  const used = { endedAt: NOON.wall, uid: 1000 }
  expect(first.pool.units.map(({ lastUse }) => lastUse)).toEqual([undefined, used, used])
  const last = releaseUnits(first.pool, ['0', '1'], NOON.wall, ALICE.account)
  expect(last.pool.reservations).toEqual([])
  expect(last.ended.map(({ unit, endedBy }) => [unit, endedBy])).toEqual([['0', undefined]])
  expect(releaseUnits(last.pool, ['0'], NOON.wall, root)).toEqual({ pool: last.pool, ended: [] })
})

test('a reservation ends by its id, and only once', () => {
  const first = endReservation(poolWith(run(), manual(60_000)), 'run', 'released', NOON.wall)
  expect(first.pool.reservations.map((each) => each.id)).toEqual(['manual'])
  expect(first.ended.map((each) => each.outcome)).toEqual(['released', 'released'])
  const second = endReservation(first.pool, 'run', 'exited', NOON.wall + 1)
  expect(second.pool).toBe(first.pool)
  expect(second.ended).toEqual([])
})

test('a record has owner, unit, start, end and note, and never a negative duration', () => {
  const noted = { ...run(), note: 'night shift' }
  const { ended } = endWhere(poolWith(noted), () => ({ outcome: 'released', at: noted.startedAt - 1 }))
  expect(ended[0]).toEqual({
    host: 'box',
    reservation: 'run',
    unit: '0',
    owner: ALICE,
    term: 'run',
    startedAt: noted.startedAt,
    endedAt: noted.startedAt,
    note: 'night shift',
    outcome: 'released',
  })
})
