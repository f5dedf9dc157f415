import { CanhazgpuError } from '../domain/errors.ts'
import { ADOPTS, adopted, allNew, type Match, matchDevices } from '../domain/observation/devices.ts'
import type { Pool, Probe, Unit, UnitId } from '../domain/pool/model.ts'
import type { Problem } from '../domain/pool/soundness.ts'

/** The GPUs of the pool beside those of the driver. */
export type DriverCheck =
  | { readonly kind: 'compared'; readonly shown: number; readonly problems: readonly Problem[] }
  /** The driver could not be asked. */
  | { readonly kind: 'unanswered'; readonly reason: string }

/** Compares count, UUIDs and names, and says what to do about each difference. Changes nothing. */
export async function compareDriver(pool: Pool, probe: () => Promise<Probe>): Promise<DriverCheck> {
  try {
    const { readings } = await probe()
    const matches = matchDevices(pool.units, readings)
    return { kind: 'compared', shown: readings.length, problems: problemsIn(pool, matches, readings.length) }
  } catch (error) {
    if (!(error instanceof CanhazgpuError)) throw error
    return { kind: 'unanswered', reason: error.message }
  }
}

function problemsIn(pool: Pool, matches: ReadonlyMap<UnitId, Match>, shown: number): readonly Problem[] {
  const isNew = pool.units.every(({ id }) => matches.get(id)?.kind === 'replaced')
  if (isNew) return [device(allNew(pool.units.length), ADOPTING)]
  return pool.units.flatMap((unit) => {
    const match = matches.get(unit.id)
    return match === undefined ? [] : problemOf(unit, match, shown)
  })
}

const ADOPTING = `${ADOPTS} adopts what the driver shows and ends no reservation`

const device = (what: string, cure: string): Problem => ({ kind: 'device', what, cure })

function problemOf(unit: Unit, match: Match, shown: number): readonly Problem[] {
  const { uuid, name } = unit.device
  const named = `GPU ${unit.id} (${uuid})`
  switch (match.kind) {
    case 'missing':
      return [
        device(
          `${named} is not among the ${shown} GPUs that the driver shows`,
          `see the messages of the driver; if it does not come back, 'sudo canhazgpu admin --gpus ${shown} --force' sets up the pool without it and ends all reservations`,
        ),
      ]
    case 'replaced':
      return [device(`in the place of ${named} the driver shows another (${match.reading.uuid})`, ADOPTING)]
    case 'same':
      return adopted(unit, match) === unit
        ? []
        : [device(`${named} is '${name}' in the pool, and the driver shows ${namesOf(match)}`, ADOPTING)]
  }
}

const namesOf = ({ reading }: { readonly reading: { uuid: string; name: string } }): string =>
  `'${reading.name}' (${reading.uuid})`
