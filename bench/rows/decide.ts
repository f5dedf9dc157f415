import { readingsOf } from '../../src/domain/observation/readings.ts'
import { acquire } from '../../src/domain/operation/acquisition.ts'
import type { Intent } from '../../src/domain/operation/intent.ts'
import type { Pool, QueueEntry, Reservation, Unit } from '../../src/domain/pool/model.ts'
import { gpuNumber, gpuUnit, wholeUnits } from '../../src/domain/pool/units.ts'
import type { Row } from '../row.ts'
import { inTurn } from '../samples.ts'

const GPUS = 16
const WAITING = 1_000
const NEEDED_PER_SECOND = 10_000
const NOW = Date.UTC(2026, 0, 1)
const DECISIONS = 2_000

/**
 * A newcomer requests a GPU behind all waiters. Half of the GPUs are held until a known end, so the planner must visit the
 * whole queue.
 */
export const decide: Row = {
  name: 'decide',
  what: `decisions per second with ${GPUS} GPUs and ${WAITING} waiting (at least ${NEEDED_PER_SECOND})`,
  async measure({ effort }) {
    const pool = busyPool()
    const evidence = { readings: readingsOf(pool, probeOf(pool)), thresholdMb: 1024 }
    const { subject } = await inTurn(Math.max(3, Math.round(10 * effort)), {
      subject: () => {
        const before = Bun.nanoseconds()
        for (let i = 0; i < DECISIONS; i++)
          acquire(pool, newcomer(i), { now: NOW + i, stopped: () => false, evidence })
        return (Bun.nanoseconds() - before) / 1e6
      },
    })
    const perSecond = DECISIONS / (subject.median / 1_000)
    return {
      value: `${Math.round(perSecond)} decisions per second`,
      comparedWith: `${NEEDED_PER_SECOND} needed`,
      ratio: NEEDED_PER_SECOND / perSecond,
      budget: 1,
      broken: [],
      details: { perSecond },
    }
  },
}

const owner = { account: { uid: 1000, name: 'alice' }, shownName: 'alice' }
const process = { pid: 1, startTime: 1, bootId: 'boot', pidNamespace: '1' }

function newcomer(number: number): Intent {
  return {
    id: `newcomer-${number}`,
    request: { kind: 'count', count: 1 },
    owner,
    term: { kind: 'manual', duration: 60_000 },
  }
}

function busyPool(): Pool {
  const units = Array.from({ length: GPUS }, (_, number): Unit => {
    const device = { uuid: `GPU-${number}`, name: 'H100' }
    return { id: gpuUnit(number), device, shape: { kind: 'gpu' } }
  })
  const reservations = units.slice(0, GPUS / 2).map(
    ({ id }): Reservation => ({
      id: `held-${id}`,
      owner,
      holdings: wholeUnits([id]),
      startedAt: NOW,
      term: { kind: 'manual', expiresAt: NOW + 3_600_000 },
    }),
  )
  const queue = Array.from(
    { length: WAITING },
    (_, place): QueueEntry => ({
      id: `waiting-${place}`,
      owner,
      request: { kind: 'count', count: 12 },
      term: { kind: 'run' },
      process,
      joinedAt: NOW,
      heartbeatAt: NOW,
    }),
  )
  const writtenAt = { wall: NOW, steady: { epoch: 'boot', ms: 0 } }
  return {
    host: 'bench',
    provider: 'fake',
    units,
    reservations,
    queue,
    policy: { allocation: 'lru' },
    writtenAt,
  }
}

function probeOf(pool: Pool) {
  const state = { kind: 'measured', memoryUsedMb: 0, processes: [] } as const
  return {
    provider: pool.provider,
    readings: pool.units.map(({ id, device: { uuid, name } }) => ({
      index: gpuNumber(id),
      uuid,
      name,
      state,
    })),
  }
}
