import { type Evidence, unreservedAvailability } from '../observation/allocation.ts'
import type { Millis, Pool, Unit, UnitId } from '../pool/model.ts'
import type { StoppedCheck } from '../pool/process-check.ts'
import { Calendar, type Usability } from './calendar.ts'

/** A unit that was released more recently than this may still show the memory of its last holder. */
const JUST_RELEASED_MS: Millis = 10_000

/** The inputs of a start decision besides the pool. */
export interface Conditions {
  readonly now: Millis
  readonly stopped: StoppedCheck
  /** The driver's readings; without them every unit without a reservation may be free. */
  readonly evidence?: Evidence
  /** Used if there is no evidence: the units that could not be used at the last probe. */
  readonly unusable?: ReadonlySet<UnitId>
}

/** The conditions of a decision that uses an observation. */
export interface ObservedConditions extends Conditions {
  readonly evidence: Evidence
}

/** The units that the readings show unusable, without those that were released just now. */
export function unusableIn(pool: Pool, conditions: Conditions): ReadonlySet<UnitId> {
  const { usability } = calendarOf(pool, conditions)
  return new Set(pool.units.filter((_, place) => usability[place] === 'unusable').map(({ id }) => id))
}

/** The calendar with what the readings show of the units. */
export function calendarOf(pool: Pool, { now, evidence, unusable }: Conditions): Calendar {
  const calendar = new Calendar(pool, now)
  if (evidence !== undefined) {
    let place = 0
    for (const unit of pool.units) {
      const usability = usabilityOf(unit, evidence, { now, isReserved: calendar.isReserved(place) })
      if (usability !== 'usable') calendar.setUsability(place, usability)
      place++
    }
  } else if (unusable !== undefined) {
    for (const id of unusable) calendar.setUsability(calendar.placeOf(id), 'unusable')
  }
  return calendar
}

function usabilityOf(
  unit: Unit,
  evidence: Evidence,
  { now, isReserved }: { readonly now: Millis; readonly isReserved: boolean },
): Usability {
  const use = evidence.readings.get(unit.id)?.use
  if (use?.kind !== 'measured') return 'unusable'
  if (isReserved || unreservedAvailability(use, evidence) === 'free') return 'usable'
  return isJustReleased(unit, now) ? 'unclear' : 'unusable'
}

export const isJustReleased = ({ lastUse }: Unit, now: Millis): boolean =>
  lastUse !== undefined && now - lastUse.endedAt < JUST_RELEASED_MS
