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

/** The waiter's place in the queue, with a reading from a time when these units were reserved. */
function placeWith(reserved: readonly UnitId[]) {
  const observation = { probe: busy, askedThresholdMb: 1024 }
  const reading = { observation, reserved: new Set(reserved) }
  const { document } = takeSnapshot(
    { pool, moment, stopped: [], reading },
    { hostname: 'here', version: '0' },
  )
  return document.queue[0]
}

test('memory in use on an unreserved GPU keeps a waiter from starting', () => {
  expect(placeWith([])).toMatchObject({
    reason_code: 'short',
    free: 0,
    unavailable_gpus: [{ gpu_id: 0, status: 'UNRESERVED' }],
  })
})

test('memory that was in use while the GPU was reserved does not count as unreserved after the release', () => {
  expect(placeWith(['0'])).toMatchObject({
    reason_code: 'short',
    free: 0,
    unavailable_gpus: [{ gpu_id: 0, status: 'UNCHECKED' }],
  })
})
