import { expect, test } from 'bun:test'
import { MemoryPlace } from '../../src/adapters/memory/memory-place.ts'
import { MemoryStore } from '../../src/adapters/memory/memory-store.ts'
import { readPool } from '../../src/app/read-pool.ts'
import { AnnouncingStore } from '../../src/daemon/announcing-store.ts'
import { FairTurns } from '../../src/daemon/fair-turns.ts'
import type { Moment } from '../../src/domain/pool/model.ts'
import { NOON, poolOf, runOf, units } from '../domain/pool/builders.ts'

const MINUTE = 60_000

test.each([0, -24 * 60 * MINUTE, 24 * 60 * MINUTE, 400, -400])(
  'a watched run has a heartbeat of now after the clock jumped by %d ms',
  async (jump) => {
    const { epoch, ms } = NOON.steady
    const moment: Moment = {
      wall: NOON.wall + MINUTE + jump,
      steady: { epoch: `${epoch}/1`, ms: ms + MINUTE },
    }
    const place = new MemoryPlace()
    const writtenAt = { wall: NOON.wall, steady: { epoch: `${epoch}/1`, ms } }
    place.pool = poolOf(units(1), { writtenAt, reservations: [runOf({ heartbeatAt: NOON.wall })] })
    const memory = new MemoryStore(place, () => moment)
    const store = new AnnouncingStore({
      ...{ store: memory, uid: 0, inTurn: (_, change) => void change() },
      checks: { refresh: () => {}, isWatched: () => true, faultIn: () => undefined },
    })
    const [run] = (await readPool(store)).pool.reservations
    expect(run?.term).toMatchObject({ heartbeatAt: moment.wall })
  },
)

test('a change of another account is not behind a hundred of the first', async () => {
  const place = new MemoryPlace()
  place.pool = poolOf(units(1))
  const turns = new FairTurns({ mostAtOnce: 1, mostPerAccount: 1, clock: () => 0 })
  const store = new AnnouncingStore({
    ...{ store: new MemoryStore(place, () => NOON), uid: 0 },
    inTurn: (uid, perform) => void turns.add(uid, { size: 0, perform }),
    checks: { refresh: () => {}, isWatched: () => false, faultIn: () => undefined },
  })
  const done: number[] = []
  const change = (uid: number) =>
    store.for(uid).update((pool) => {
      done.push(uid)
      return { pool, records: [], wake: [], answer: null }
    })
  const ofAnn = Array.from({ length: 100 }, () => change(1000))
  await change(1001)
  expect(done.length).toBeLessThanOrEqual(2)
  await Promise.all(ofAnn)
  expect(done).toHaveLength(101)
})
