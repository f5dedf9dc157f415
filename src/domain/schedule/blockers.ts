import type { Obstacle } from '../observation/obstacles.ts'
import type { Request, Reservation, UnitId } from '../pool/model.ts'
import type { Calendar } from './calendar.ts'
import { sizeOf } from './demand.ts'

/** Why a request has no known start. If both are absent, an earlier request without a known end blocks it. */
export interface Blocker {
  readonly after?: Reservation
  readonly obstacle?: Obstacle
}

/** The state of a unit after all known ends. */
interface FinalState extends Blocker {
  readonly unit: UnitId
  /** Requests count on units of a lower rank first. */
  readonly rank: number
}

const [FREE, HELD, UNCLEAR, UNUSABLE] = [0, 1, 2, 3]

/**
 * For each of these requests, in the order of the queue, the blocker of the last unit that it needs. Later requests
 * cannot count on the units of an earlier request, unless that request can never start.
 */
export function blockersOf(
  requests: readonly Request[],
  calendar: Calendar,
  obstacles: readonly Obstacle[],
): readonly Blocker[] {
  const states = calendar.units.map(({ id }, place) => finalState(id, place, { calendar, obstacles }))
  return requests.map((request) => {
    const wanted = calendar.placesFor(request).flatMap((place) => states[place] ?? [])
    const needed = wanted.toSorted((a, b) => a.rank - b.rank).slice(0, sizeOf(request))
    const last = needed.at(-1)
    if (last === undefined) return {}
    const { after, obstacle, rank } = last
    if (rank !== UNUSABLE) {
      for (const { unit } of needed) states[calendar.placeOf(unit)] = { unit, rank: HELD }
    }
    if (obstacle !== undefined) return { obstacle }
    return after === undefined ? {} : { after }
  })
}

function finalState(
  unit: UnitId,
  place: number,
  { calendar, obstacles }: { readonly calendar: Calendar; readonly obstacles: readonly Obstacle[] },
): FinalState {
  const obstacle = obstacles.find((each) => each.unit === unit)
  const holder = calendar.isHeld(place) ? calendar.holders[place] : undefined
  return {
    unit,
    rank: rankOf(calendar, place),
    ...(obstacle === undefined ? {} : { obstacle }),
    ...(holder === undefined ? {} : { after: holder }),
  }
}

function rankOf(calendar: Calendar, place: number): number {
  switch (calendar.usability[place]) {
    case 'unusable':
      return UNUSABLE
    case 'unclear':
      return UNCLEAR
    default:
      return calendar.isHeld(place) ? HELD : FREE
  }
}
