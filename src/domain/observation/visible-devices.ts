import type { ProviderName, UnitId } from '../pool/model.ts'
import { gpuUnit } from '../pool/units.ts'
import type { PoolUsage } from './usage.ts'

/**
 * GPU ids are CUDA's device numbers as long as the driver counts all GPUs of the pool. After a card is
 * lost the driver's numbers shift, and only UUIDs (on AMD the driver's numbers) still name the right ones.
 */
export function visibleDevices(
  units: readonly UnitId[],
  usage: PoolUsage,
  provider: ProviderName,
): readonly string[] {
  const sights = units.map((id) => ({ id, uuid: usage.get(id)?.uuid, index: usage.get(id)?.index }))
  if (provider === 'amd-smi') return sights.map(({ id, index }) => (index === undefined ? id : String(index)))
  if (sights.every(({ id, index }) => index !== undefined && gpuUnit(index) === id)) return units
  return sights.map(({ id, uuid }) => uuid ?? id)
}
