import type { ProviderName, UnitId } from '../pool/model.ts'
import { gpuUnit } from '../pool/units.ts'
import type { PoolReadings } from './readings.ts'

/**
 * GPU ids equal CUDA's device numbers as long as the driver reports all GPUs of the pool. After the loss of a card the
 * driver's numbers shift. Then UUIDs (on AMD the driver's numbers) identify the GPUs.
 */
export function visibleDevices(
  units: readonly UnitId[],
  readings: PoolReadings,
  provider: ProviderName,
): readonly string[] {
  const shown = units.map((id) => ({ id, uuid: readings.get(id)?.uuid, index: readings.get(id)?.index }))
  if (provider === 'amd-smi') return shown.map(({ id, index }) => (index === undefined ? id : String(index)))
  if (shown.every(({ id, index }) => index !== undefined && gpuUnit(index) === id)) return units
  return shown.map(({ id, uuid }) => uuid ?? id)
}
