import { expect, test } from 'bun:test'
import type { Pool, Probe, UnitId } from '../../../src/domain/pool/model.ts'
import { takeSnapshot } from '../../../src/web/live/snapshot.ts'

const process = { pid: 1, startTime: 1, bootId: 'boot', pidNamespace: '1' }
const moment = { wall: 1_000, steady: { epoch: 'boot', ms: 1_000 } }

/** One unreserved GPU and a waiter for it. */
const pool: Pool = {
  ...{ host: 'here', provider: 'fake', reservations: [], policy: { allocation: 'lru' }, writtenAt: moment },
  units: [
    {
      ...{ id: '0', device: { uuid: 'GPU-0', name: 'Fake GPU' }, shape: { kind: 'gpu' } },
      lastUse: { endedAt: 900, uid: 1000 },
    },
  ],
  queue: [
    {
      ...{ id: 'waiter', owner: { account: { uid: 1001, name: 'ann' }, shownName: 'ann' } },
      ...{ term: { kind: 'run' }, process },
      ...{ request: { kind: 'count', count: 1 }, joinedAt: 500, heartbeatAt: 500 },
    },
  ],
}

const busy: Probe = {
  provider: 'fake',
  readings: [
    {
      ...{ index: 0, uuid: 'GPU-0', name: 'Fake GPU' },
      state: { kind: 'measured', memoryUsedMb: 9_000, memoryTotalMb: 81_920, processes: [] },
    },
  ],
}

const reasonsSeen = (reserved: readonly UnitId[]) => {
  const observation = { probe: busy, askedThresholdMb: 1024 }
  const reading = { observation, reserved: new Set(reserved) }
  const seen = { pool, moment, stopped: [], reading }
  const { document } = takeSnapshot(seen, { hostname: 'here', version: '0' })
  return document.queue.map((entry) => entry.reason)
}

test('memory seen while a GPU was reserved is not used without a reservation after its release', () => {
  expect(reasonsSeen([])).toEqual(['0 free, 1 in use without reservation'])
  expect(reasonsSeen(['0'])).not.toEqual(reasonsSeen([]))
  expect(reasonsSeen(['0']).join()).not.toContain('without reservation')
})
