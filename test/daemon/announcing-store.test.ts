import { expect, test } from 'bun:test'
import { MemoryPlace } from '../../src/adapters/memory/memory-place.ts'
import { MemoryStore } from '../../src/adapters/memory/memory-store.ts'
import { readPool } from '../../src/app/read-pool.ts'
import { AnnouncingStore } from '../../src/daemon/announcing-store.ts'
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
    const store = new AnnouncingStore(memory, {
      ...{ refresh: () => {}, isWatched: () => true, faultIn: () => undefined },
    })
    const [run] = (await readPool(store)).pool.reservations
    expect(run?.term).toMatchObject({ heartbeatAt: moment.wall })
  },
)
