import type { Driver, LocalParts } from '../../src/app/local-pool.ts'
import type { GpuMeasurement, Pool, Unit } from '../../src/domain/pool/model.ts'
import type { Mutant } from './list.ts'
import { at } from './seams.ts'

const IDLE: GpuMeasurement = { kind: 'measured', memoryUsedMb: 0, processes: [] }

/** Defects in the choice of GPUs, and in the rights to release them. */
export const SAFETY_MUTANTS: readonly Mutant[] = [
  {
    name: 'release-without-owner',
    defect: '`release` ends the manual reservations of all accounts',
    plants: [
      at('src/domain/operation/release.ts#release', (release) => (pool, operation, context) => {
        if (operation.units !== undefined) return release(pool, operation, context)
        return pool.reservations.reduce<ReturnType<typeof release>>(
          (before, { owner }) => {
            const done = release(before.pool, operation, { ...context, actor: owner.account })
            return { ...done, records: [...(before.records ?? []), ...(done.records ?? [])] }
          },
          { pool, answer: [] },
        )
      }),
    ],
  },
  {
    name: 'release-by-id-without-owner',
    defect: '`release --gpu-ids` ends the reservations of any account',
    plants: [at('src/domain/pool/rights.ts#isAdministrator', () => () => true)],
  },
  {
    name: 'reserved-granted',
    defect: 'a GPU that is reserved counts as free',
    plants: [
      at(
        'src/domain/schedule/calendar.ts#Calendar',
        (Calendar) =>
          class extends Calendar {
            override isHeld(): boolean {
              return false
            }
          },
      ),
    ],
  },
  {
    name: 'occupied-granted',
    defect: 'a GPU in use without a reservation counts as free',
    plants: [
      at('src/domain/observation/allocation.ts#unreservedAvailability', (availability) => (use, evidence) => {
        const found = availability(use, evidence)
        return found === 'occupied' ? 'free' : found
      }),
    ],
  },
  {
    name: 'threshold-off-by-one',
    defect: 'memory use of exactly the threshold counts as none',
    plants: [
      at(
        'src/domain/observation/evidence.ts#isOccupied',
        (isOccupied) => (use, thresholdMb) => isOccupied(use, thresholdMb + 1),
      ),
    ],
  },
  {
    name: 'faulty-granted',
    defect: 'a GPU with a fault, or without a reading, counts as idle',
    plants: [
      at(
        'src/domain/observation/readings.ts#readingsOf',
        (readingsOf) => (pool, probe) =>
          new Map(
            [...readingsOf(pool, probe)].map(([id, reading]) => [
              id,
              reading.use.kind === 'fault' ? { ...reading, use: IDLE } : reading,
            ]),
          ),
      ),
    ],
  },
  {
    name: 'drained-granted',
    defect: 'a drained GPU counts as usable',
    plants: [
      at(
        'src/domain/schedule/calendar.ts#Calendar',
        (Calendar) =>
          class extends Calendar {
            constructor(pool: Pool, now: number) {
              super({ ...pool, units: pool.units.map(inService) }, now)
            }
          },
      ),
    ],
  },
  {
    name: 'reset-forgets-drains',
    defect: 'a reset of the pool returns drained GPUs to service',
    plants: [
      at('src/domain/operation/set-up.ts#setUp', (setUp) => (current, operation, context) => {
        const done = setUp(current, operation, context)
        return { ...done, pool: { ...done.pool, units: done.pool.units.map(inService) } }
      }),
    ],
  },
  {
    name: 'type-ignored',
    defect: 'a request for a type of GPU gets any GPU',
    plants: [
      at(
        'src/domain/pool/suitable.ts#isSuitable',
        (isSuitable) =>
          (unit, { gpuTypes: _, ...others }) =>
            isSuitable(unit, others),
      ),
    ],
  },
  {
    name: 'memory-ignored',
    defect: 'a request for much memory gets a GPU with less',
    plants: [
      at(
        'src/domain/pool/suitable.ts#isSuitable',
        (isSuitable) =>
          (unit, { leastMemoryMb: _, ...others }) =>
            isSuitable(unit, others),
      ),
    ],
  },
  {
    name: 'silent-driver-means-idle',
    defect: 'all GPUs count as idle if the driver does not answer',
    plants: [
      at(
        'src/app/local-pool.ts#LocalPool',
        (LocalPool) =>
          class extends LocalPool {
            constructor(parts: LocalParts) {
              super(withIdleDriver(parts))
            }
          },
      ),
    ],
  },
  {
    name: 'queue-without-the-driver',
    defect: '`queue` counts every GPU without a reservation as free',
    plants: [
      at(
        'src/domain/schedule/startable.ts#standings',
        (standings) =>
          (pool, { now, stopped }) =>
            standings(pool, { now, stopped }),
      ),
    ],
  },
  {
    name: 'forecast-without-the-driver',
    defect: '`queue` shows a start time for GPUs that cannot be used',
    plants: [
      at(
        'src/domain/schedule/expected-starts.ts#expectedStarts',
        (expectedStarts) => (pool, outlook) => expectedStarts(pool, { ...outlook, obstacles: [] }),
      ),
    ],
  },
  {
    name: 'partial-grant',
    defect: 'a request gets fewer GPUs than it asks for',
    plants: [
      at('src/domain/operation/acquisition.ts#acquire', (acquire) => (pool, intent, conditions) => {
        const asked = acquire(pool, intent, conditions)
        if (asked.result.kind === 'granted' || intent.request.kind === 'ids') return asked
        const { available = 0 } = asked.result.shortage
        return acquire(pool, { ...intent, request: { kind: 'count', count: available } }, conditions)
      }),
    ],
  },
  {
    name: 'impossible-queued',
    defect: 'a request for one GPU more than the pool has counts as possible',
    plants: [
      at(
        'src/domain/operation/acquisition.ts#isPossible',
        (isPossible) => (request, pool) =>
          request.kind === 'count'
            ? isPossible({ ...request, count: request.count - 1 }, pool)
            : isPossible(request, pool),
      ),
    ],
  },
  {
    name: 'numbers-of-the-driver',
    defect: 'the command gets wrong GPU numbers after a card was lost',
    plants: [at('src/domain/observation/visible-devices.ts#visibleDevices', () => (units) => units)],
  },
  {
    name: 'lru-reversed',
    defect: 'the most recently used GPUs are granted first',
    plants: [
      at('src/domain/observation/allocation.ts#allocationOrder', (allocationOrder) => (free, policy, uid) => {
        const order = allocationOrder(free, policy, uid)
        return policy.allocation === 'lru' ? order.toReversed() : order
      }),
    ],
  },
  {
    name: 'pid-reuse',
    defect: 'any process that has the pid counts as that process',
    isRare: true,
    plants: [
      at('simulation/system/kernel.ts#kernelAnswer', (kernelAnswer) => (observer, { identity, found }) => {
        const startTime = found?.identity.startTime ?? identity.startTime
        return kernelAnswer(observer, { identity: { ...identity, startTime }, found })
      }),
    ],
  },
  {
    name: 'zombie-alive',
    defect: 'a dead process that its parent has not waited for counts as alive',
    plants: [
      at('simulation/system/kernel.ts#kernelAnswer', (kernelAnswer) => (observer, asked) => {
        const { identity, found } = asked
        const isVisible = identity.pidNamespace === observer.identity.pidNamespace
        if (isVisible && found?.identity.startTime === identity.startTime) return 'alive'
        return kernelAnswer(observer, asked)
      }),
    ],
  },
]

function inService({ drain: _, ...unit }: Unit): Unit {
  return unit
}

function withIdleDriver({ driver, ...parts }: LocalParts): LocalParts {
  if (driver === undefined) return parts
  return { ...parts, driver: { ...driver, sample: idleIfSilent(driver.sample) } }
}

const idleIfSilent =
  (sample: Driver['sample']): Driver['sample'] =>
  (pool, purpose) =>
    sample(pool, purpose).catch(() => ({
      probe: {
        provider: pool.provider,
        readings: pool.units.map(({ device: { uuid, name } }, index) => ({ index, uuid, name, state: IDLE })),
      },
    }))
