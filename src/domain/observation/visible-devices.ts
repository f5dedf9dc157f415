import type { ProviderName, UnitId } from '../pool/model.ts'
import { gpuUnit } from '../pool/units.ts'
import type { PoolUsage } from './usage.ts'

/**
 * GPU ids equal CUDA's device numbers as long as the driver reports all GPUs of the pool. After the loss of a card the
 * driver's numbers shift. Then UUIDs (on AMD the driver's numbers) identify the GPUs.
 */
export function visibleDevices(
  units: readonly UnitId[],
  usage: PoolUsage,
  provider: ProviderName,
): readonly string[] {
  const readings = units.map((id) => ({ id, uuid: usage.get(id)?.uuid, index: usage.get(id)?.index }))
  if (provider === 'amd-smi')
    return readings.map(({ id, index }) => (index === undefined ? id : String(index)))
  if (readings.every(({ id, index }) => index !== undefined && gpuUnit(index) === id)) return units
  return readings.map(({ id, uuid }) => uuid ?? id)
}
