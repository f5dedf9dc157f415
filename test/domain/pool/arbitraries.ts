import fc from 'fast-check'
import type { PoolUsage } from '../../../src/domain/observation/usage.ts'
import type { Gpu, GpuId, GpuUsage, Moment, Pool, ProcessIdentity } from '../../../src/domain/pool/model.ts'

export const THRESHOLD_MB = 1024

/** A moment of 2026, the machine being up for a day. */
export const NOON: Moment = { wall: Date.UTC(2026, 2, 1, 12), steady: { epoch: 'boot-1', ms: 86_400_000 } }

export function poolOf(gpus: readonly Gpu[], parts: Partial<Pool> = {}): Pool {
  return {
    host: 'box',
    provider: 'fake',
    gpus,
    reservations: [],
    queue: [],
    settings: { allocation: 'lru' },
    writtenAt: NOON,
    ...parts,
  }
}

export const unusedGpus = (count: number): Gpu[] =>
  Array.from({ length: count }, (_, id) => ({ id, uuid: `GPU-${id}`, name: 'Fake GPU' }))

/** GPUs used in any order, some never, some released in the same millisecond. */
export const usedGpus = fc
  .array(fc.option(fc.integer({ min: 0, max: 5 }), { nil: undefined }), { minLength: 1, maxLength: 8 })
  .map((releases) =>
    unusedGpus(releases.length).map((gpu, id) => {
      const at = releases[id]
      return at === undefined ? gpu : { ...gpu, releasedAt: NOON.wall - at * 60_000, releasedBy: at % 2 }
    }),
  )

export const identity = (pid: number, bootId = 'boot-1'): ProcessIdentity => ({
  pid,
  startTime: pid * 10,
  bootId,
  pidNamespace: '4026531836',
})

export const idle = (memoryUsedMb = 0): GpuUsage => ({ kind: 'measured', memoryUsedMb, processes: [] })

/** What the driver may say of one GPU; undefined: it was not asked. */
export const anyUsage: fc.Arbitrary<GpuUsage | undefined> = fc.oneof(
  { weight: 5, arbitrary: fc.integer({ min: 0, max: THRESHOLD_MB - 1 }).map(idle) },
  { weight: 2, arbitrary: fc.integer({ min: THRESHOLD_MB, max: 80_000 }).map(idle) },
  { weight: 1, arbitrary: fc.constant<GpuUsage>({ kind: 'fault', reason: 'GPU is lost' }) },
  { weight: 1, arbitrary: fc.constant(undefined) },
)

export function usageMap(pool: Pool, usages: readonly (GpuUsage | undefined)[]): PoolUsage {
  const seen = new Map<GpuId, { uuid: string; usage: GpuUsage; index: number }>()
  for (const { id, uuid } of pool.gpus) {
    const usage = usages[id]
    if (usage !== undefined) seen.set(id, { uuid, usage, index: id })
  }
  return seen
}

export const allIdle = (pool: Pool) => ({
  usage: usageMap(
    pool,
    pool.gpus.map(() => idle()),
  ),
  thresholdMb: THRESHOLD_MB,
})
