import fc from 'fast-check'
import { type PoolUsage, type UnitReading, unitUsage } from '../../../src/domain/observation/usage.ts'
import type { GpuUsage, Pool, UnitId } from '../../../src/domain/pool/model.ts'
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

export const idle = (memoryUsedMb = 0): GpuUsage => ({ kind: 'measured', memoryUsedMb, processes: [] })

/** Any usage of one GPU; undefined: it was not probed. */
export const anyUsage: fc.Arbitrary<GpuUsage | undefined> = fc.oneof(
  { weight: 5, arbitrary: fc.integer({ min: 0, max: THRESHOLD_MB - 1 }).map(idle) },
  { weight: 2, arbitrary: fc.integer({ min: THRESHOLD_MB, max: 80_000 }).map(idle) },
  { weight: 1, arbitrary: fc.constant<GpuUsage>({ kind: 'fault', reason: 'GPU is lost' }) },
  { weight: 1, arbitrary: fc.constant(undefined) },
)

/** The usages by the numbers of the GPUs. */
export function usageMap(pool: Pool, usages: readonly (GpuUsage | undefined)[]): PoolUsage {
  const seen = new Map<UnitId, UnitReading>()
  for (const { id, device } of pool.units) {
    const index = gpuNumber(id)
    const usage = usages[index]
    if (usage !== undefined) seen.set(id, { uuid: device.uuid, usage: unitUsage(usage), index })
  }
  return seen
}

export const allIdle = (pool: Pool) => ({
  usage: usageMap(
    pool,
    pool.units.map(() => idle()),
  ),
  thresholdMb: THRESHOLD_MB,
})
