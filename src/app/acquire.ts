import { type Acquisition, acquire, checkPossible, type Intent } from '../domain/acquisition.ts'
import { settle } from '../domain/ending.ts'
import type { GpuId, ProviderName, Reservation } from '../domain/model.ts'
import { type PoolUsage, usageOf } from '../domain/usage.ts'
import type { Deps } from './deps.ts'
import { notEnough } from './refusals.ts'

export interface Grant {
  readonly reservation: Reservation
  /** What `CUDA_VISIBLE_DEVICES` must say to mean exactly these GPUs. */
  readonly devices: readonly string[]
  readonly provider: ProviderName
}

/**
 * Grants the GPUs now, or throws `not-enough-gpus` or `impossible-request` and leaves everything as it
 * was. The driver is asked before the transaction: it may be slow.
 */
export async function acquireNow(deps: Deps, intent: Intent): Promise<Grant> {
  const before = await deps.store.read()
  checkPossible(before.pool, intent.request)
  const provider = await deps.providerOf(before.pool)
  const probe = await provider.probe(deps.probeTimeout)
  const { acquisition, usage } = await deps.store.update<{ acquisition: Acquisition; usage: PoolUsage }>(
    (pool, moment) => {
      checkPossible(pool, intent.request)
      const settled = settle(pool, moment, deps.alive)
      const usage = usageOf(settled.pool, probe)
      const sight = { usage, thresholdMb: deps.memoryThreshold }
      const { pool: next, result } = acquire(settled.pool, intent, sight, moment.wall)
      return { pool: next, ended: settled.ended, result: { acquisition: result, usage } }
    },
  )
  if (acquisition.kind === 'refused') throw notEnough(acquisition.shortage)
  const { reservation } = acquisition
  const devices = visibleDevices(reservation.gpus, usage, probe.provider)
  return { reservation, devices, provider: probe.provider }
}

/**
 * GPU ids are CUDA's device numbers as long as the driver counts all GPUs of the pool. After a card is
 * lost the driver's numbers shift, and only UUIDs (on AMD the driver's numbers) still name the right ones.
 */
function visibleDevices(gpus: readonly GpuId[], usage: PoolUsage, provider: ProviderName): readonly string[] {
  const sights = gpus.map((id) => usage.get(id))
  if (provider === 'amd-smi') return sights.map((sight, i) => String(sight?.index ?? gpus[i]))
  if (gpus.every((id) => usage.get(id)?.index === id)) return gpus.map(String)
  return sights.map((sight, i) => sight?.uuid ?? String(gpus[i]))
}
