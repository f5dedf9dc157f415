import { CanhazgpuError, type ErrorCode } from '../domain/errors.ts'
import { adopted, type Match, matchDevices } from '../domain/observation/devices.ts'
import type { Pool, Probe, Unit, UnitId } from '../domain/pool/model.ts'

/** The comparison of the pool's GPUs with the driver's. */
export type DriverCheck =
  | { readonly kind: 'compared'; readonly shown: number; readonly differences: readonly Difference[] }
  | { readonly kind: 'unanswered'; readonly code: ErrorCode; readonly reason: string }

/** A difference between the pool and the driver. */
export type Difference =
  /** Every GPU of the pool is replaced by another. */
  | { readonly code: 'all-replaced'; readonly count: number }
  | { readonly code: 'missing'; readonly unit: Unit; readonly shown: number }
  | { readonly code: 'replaced'; readonly unit: Unit; readonly by: string }
  /** The same GPU with another name or UUID. */
  | { readonly code: 'renamed'; readonly unit: Unit; readonly to: Pick<Unit['device'], 'uuid' | 'name'> }

/** Compares count, UUIDs and names. Changes nothing. */
export async function compareDriver(pool: Pool, probe: () => Promise<Probe>): Promise<DriverCheck> {
  try {
    const { readings } = await probe()
    const matches = matchDevices(pool.units, readings)
    return {
      kind: 'compared',
      shown: readings.length,
      differences: differences(pool, matches, readings.length),
    }
  } catch (error) {
    if (!(error instanceof CanhazgpuError)) throw error
    return { kind: 'unanswered', code: error.code, reason: error.message }
  }
}

function differences(pool: Pool, matches: ReadonlyMap<UnitId, Match>, shown: number): readonly Difference[] {
  const areAllReplaced = pool.units.every(({ id }) => matches.get(id)?.kind === 'replaced')
  if (areAllReplaced) return [{ code: 'all-replaced', count: pool.units.length }]
  return pool.units.flatMap((unit) => {
    const match = matches.get(unit.id)
    return match === undefined ? [] : differenceOf(unit, match, shown)
  })
}

function differenceOf(unit: Unit, match: Match, shown: number): readonly Difference[] {
  switch (match.kind) {
    case 'missing':
      return [{ code: 'missing', unit, shown }]
    case 'replaced':
      return [{ code: 'replaced', unit, by: match.reading.uuid }]
    case 'same': {
      const { uuid, name } = match.reading
      const { device } = adopted(unit, match)
      const isSame = device.uuid === unit.device.uuid && device.name === unit.device.name
      return isSame ? [] : [{ code: 'renamed', unit, to: { uuid, name } }]
    }
  }
}
