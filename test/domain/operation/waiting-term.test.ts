import { expect, test } from 'bun:test'
import type { Millis, Policy } from '../../../src/domain/pool/model.ts'
import { demandOf } from '../../../src/domain/schedule/demand.ts'
import { startableEntries } from '../../../src/domain/schedule/startable.ts'
import { ALICE, identity, someUnits } from '../pool/builders.ts'
import { BOB, BOOKABLE, granted, HOUR, limit, MINUTE, NOW, ROOT, World } from './world.ts'

function setDefault(world: World, value: Millis): void {
  const change = { key: 'default-duration', scope: { kind: 'pool' }, value } as const
  granted(world.perform({ op: 'set-policy', change }, { as: ROOT }))
}

const startable = ({ pool, now }: World): readonly string[] =>
  startableEntries(pool, { now: NOW + now, stopped: () => false }).map(({ id }) => id)

/** One unit, held by Bob for an hour and booked from the fourth hour on. */
function bookedWorld(): World {
  const world = new World(1)
  granted(world.reserve(someUnits(1), HOUR, { as: BOB }))
  granted(world.book(someUnits(1), 4 * HOUR, { as: BOB }))
  return world
}

const reservation = {
  ...{ id: 'r7', request: someUnits(1), owner: ALICE },
  term: { kind: 'manual', duration: 8 * HOUR, isDefault: true },
} as const

test.each([
  ['run', (world: World) => world.run(someUnits(1), { pid: 7, waits: true })],
  [
    'reservation',
    (world: World) => world.perform({ op: 'acquire', intent: reservation, wait: { process: identity(7) } }),
  ],
] as const)('a waiting %s without a duration follows the default, so it blocks nobody', (_, ask) => {
  const world = bookedWorld()
  granted(ask(world))
  setDefault(world, 6 * HOUR)
  world.at(HOUR).settle()
  expect(startable(world)).toEqual([])
  expect(granted(ask(world))).toMatchObject({ kind: 'queued' })
  granted(world.run(someUnits(1), { as: BOB, pid: 8, timeout: { after: HOUR, grace: 0 } }))
  world.gone.add(8)
  world.settle()
  setDefault(world, 2 * HOUR)
  expect(startable(world)).toEqual(['r7'])
  expect(granted(ask(world))).toMatchObject({ kind: 'granted' })
})

test.each<[string, Policy, Millis]>([
  ['of the pool', BOOKABLE, 5 * MINUTE],
  ['of the pool, shorter than usual', BOOKABLE, 1_000],
  [
    'without a longest duration',
    { allocation: 'lru', limits: [limit('default-duration', HOUR)] },
    5 * MINUTE,
  ],
])('a run until a booking begins is planned for as long as it will have: %s', (_, policy, grace) => {
  const world = new World(1, { policy })
  granted(world.run(someUnits(1), { pid: 7 }))
  granted(world.run(someUnits(1), { pid: 8, untilBooked: { grace }, waits: true }))
  const planned = world.pool.queue.map((entry) => demandOf(entry, policy).duration)
  world.gone.add(7)
  granted(world.run(someUnits(1), { pid: 8, untilBooked: { grace }, waits: true }))
  const killAt = NOW + (planned[0] ?? 0)
  expect(world.pool.reservations).toMatchObject([{ id: 'r8', term: { limit: { killAt } } }])
})
