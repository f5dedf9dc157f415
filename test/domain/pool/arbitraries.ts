import fc from 'fast-check'
import { type PoolReadings, type UnitReading, unitUse } from '../../../src/domain/observation/readings.ts'
import type { GpuUse, Pool, UnitId } from '../../../src/domain/pool/model.ts'
import { gpuNumber } from '../../../src/domain/pool/units.ts'
import { NOON, unit } from './builders.ts'

export const THRESHOLD_MB = 1024

/** GPUs with any last use: some never used, some released in the same millisecond. */
export const usedUnits = fc
  .array(fc.option(fc.integer({ min: 0, max: 5 }), { nil: undefined }), { minLength: 1, maxLength: 8 })
  .map((releases) =>
    releases.map((minutesAgo, number) =>
      minutesAgo === undefined
        ? unit(number)
        : unit(number, { lastUse: { endedAt: NOON.wall - minutesAgo * 60_000, uid: minutesAgo % 2 } }),
    ),
  )

export const idle = (memoryUsedMb = 0): GpuUse => ({ kind: 'measured', memoryUsedMb, processes: [] })

/** Any use of one GPU; undefined if it was not probed. */
export const anyUse: fc.Arbitrary<GpuUse | undefined> = fc.oneof(
  { weight: 5, arbitrary: fc.integer({ min: 0, max: THRESHOLD_MB - 1 }).map(idle) },
  { weight: 2, arbitrary: fc.integer({ min: THRESHOLD_MB, max: 80_000 }).map(idle) },
  { weight: 1, arbitrary: fc.constant<GpuUse>({ kind: 'fault', reason: 'GPU is lost' }) },
  { weight: 1, arbitrary: fc.constant(undefined) },
)

/** The readings of a pool. The uses are in the order of the GPU numbers. */
export function readingsMap(pool: Pool, uses: readonly (GpuUse | undefined)[]): PoolReadings {
  const readings = new Map<UnitId, UnitReading>()
  for (const { id, device } of pool.units) {
    const index = gpuNumber(id)
    const use = uses[index]
    if (use !== undefined) readings.set(id, { uuid: device.uuid, use: unitUse(use), index })
  }
  return readings
}

export const allIdle = (pool: Pool) => ({
  readings: readingsMap(
    pool,
    pool.units.map(() => idle()),
  ),
  thresholdMb: THRESHOLD_MB,
})
