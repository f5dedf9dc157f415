import type { ManualReservation, Pool } from '../pool/model.ts'
import { wholeUnits } from '../pool/units.ts'
import { arranged } from './arrangement.ts'
import { type Conditions, calendarOf, unusableIn } from './conditions.ts'
import { type Demand, neededTime, sizeOf } from './demand.ts'
import { Openings } from './openings.ts'
import { NEVER } from './term-times.ts'

/**
 * The pool with bookings on other units, if the request can start now only then; else the same pool. The queue does not
 * count. The request gets the units that bookings need last.
 */
export function withRoomFor(pool: Pool, demand: Demand, conditions: Conditions): Pool {
  const calendar = calendarOf(pool, conditions)
  const openings = new Openings(calendar, pool.policy)
  const { request } = demand
  if (openings.fits(demand) || !openings.allows(demand)) return pool
  const { now } = conditions
  const places = calendar.placesFor(request).filter((place) => calendar.isFree(place))
  if (places.length < sizeOf(request)) return pool
  const from = (place: number) => calendar.nextFrom(place)
  places.sort((a, b) => (from(a) === from(b) ? 0 : from(b) - from(a)))
  const units = places.slice(0, sizeOf(request)).flatMap((place) => calendar.units[place]?.id ?? [])
  const held: ManualReservation = {
    ...{ id: '', owner: NOBODY, holdings: wholeUnits(units), startedAt: now },
    term: { kind: 'manual', expiresAt: now + (neededTime(demand) ?? NEVER) },
  }
  const unusable = unusableIn(pool, conditions)
  const after = arranged(
    { ...pool, reservations: [...pool.reservations, held] },
    { now, before: pool, unusable },
  )
  return after?.bookings === undefined ? pool : { ...pool, bookings: after.bookings }
}

const NOBODY = { account: { uid: -1, name: '' }, shownName: '' }
