import type { Pool } from '../../src/domain/pool/model.ts'
import type { Demand } from '../../src/domain/schedule/demand.ts'
import type { Mutant } from './list.ts'
import { at } from './seams.ts'

const FOLLOW = 'src/domain/operation/booked.ts#followBookings'
const OPENINGS = 'src/domain/schedule/openings.ts#Openings'

const withoutBookings = ({ bookings: _, ...pool }: Pool): Pool => pool

/** The pool with these bookings, or with none. */
function withSame(pool: Pool, { bookings }: Pool): Pool {
  return bookings === undefined ? withoutBookings(pool) : { ...pool, bookings }
}

/** Defects in the promises of bookings. */
export const BOOKING_MUTANTS: readonly Mutant[] = [
  {
    name: 'booking-not-planned',
    defect: 'requests get booked GPUs for longer than until the booking begins',
    plants: [
      at(
        'src/domain/schedule/calendar.ts#Calendar',
        (Calendar) =>
          class extends Calendar {
            override nextFrom() {
              return Number.POSITIVE_INFINITY
            }
          },
      ),
    ],
  },
  {
    name: 'booking-without-proof',
    defect: 'a booking is accepted although its GPUs are taken',
    plants: [
      at('src/domain/schedule/arrangement.ts#arranged', (arranged) => (pool, given) => {
        const { reservations: _, ...others } = pool
        const placed = arranged({ ...others, reservations: [] }, given)
        return placed === null ? null : { ...placed, reservations: pool.reservations }
      }),
    ],
  },
  {
    name: 'booking-begins-early',
    defect: 'a booking begins a second early',
    plants: [
      at(FOLLOW, (follow) => (pool, { now, ...context }) => {
        return follow(pool, { ...context, now: { ...now, wall: now.wall + 1_000 } })
      }),
    ],
  },
  {
    name: 'booking-begins-unseen',
    defect: 'a booking begins on GPUs that others use',
    plants: [
      at(FOLLOW, (follow) => (pool, { observed, ...context }) => {
        if (observed === undefined) return follow(pool, context)
        const idle = { kind: 'measured', memoryUsedMb: 0, processes: [] } as const
        const readings = observed.probe.readings.map((reading) => ({ ...reading, state: idle }))
        return follow(pool, { ...context, observed: { ...observed, probe: { ...observed.probe, readings } } })
      }),
    ],
  },
  {
    name: 'booking-begins-twice',
    defect: 'a booking that has begun stays booked',
    plants: [
      at(FOLLOW, (follow) => (pool, context) => {
        const followed = follow(pool, context)
        const ids = new Set(followed.pool.reservations.map(({ id }) => id))
        const begun = (pool.bookings ?? []).filter(({ id }) => ids.has(id))
        const bookings = [...begun, ...(followed.pool.bookings ?? [])]
        return begun.length === 0 ? followed : { ...followed, pool: { ...followed.pool, bookings } }
      }),
    ],
  },
  {
    name: 'booking-overtaken',
    defect: 'a booking that waits for its GPUs keeps none of those that become free',
    isRare: true,
    plants: [
      at(FOLLOW, (follow) => (pool, context) => {
        const followed = follow(pool, context)
        const hasBegun = followed.pool.bookings?.length !== pool.bookings?.length
        return hasBegun ? followed : { ...followed, pool: withSame(followed.pool, pool) }
      }),
    ],
  },
  {
    name: 'extension-over-booking',
    defect: 'an extension keeps GPUs from a booking',
    isRare: true,
    plants: [
      at('src/domain/operation/extend.ts#extend', (extend) => (pool, operation, context) => {
        const done = extend(withoutBookings(pool), operation, context)
        return { ...done, pool: withSame(done.pool, pool) }
      }),
    ],
  },
  {
    name: 'drain-of-booked',
    defect: 'a drain takes GPUs from a booking',
    plants: [
      at('src/domain/operation/drain.ts#drain', (drain) => (pool, operation, context) => {
        const done = drain(withoutBookings(pool), operation, context)
        return { ...done, pool: withSame(done.pool, pool) }
      }),
    ],
  },
  {
    name: 'booking-in-another-time',
    defect: 'bookings do not follow the clock',
    isRare: true,
    plants: [
      at('src/domain/pool/clock.ts#followClock', (followClock) => (pool, moment) => {
        return withSame(followClock(pool, moment), pool)
      }),
    ],
  },
  {
    name: 'booking-cancelled-by-others',
    defect: 'any account can cancel a booking',
    isRare: true,
    plants: [
      at(
        'src/domain/operation/authorisation.ts#isForbidden',
        (isForbidden) => (pool, operation, actor) =>
          operation.op !== 'cancel' && isForbidden(pool, operation, actor),
      ),
    ],
  },
  {
    name: 'until-booked-too-long',
    defect: 'a run until a booking begins does not end before it',
    isRare: true,
    plants: [
      at(
        OPENINGS,
        (Openings) =>
          class extends Openings {
            override holdEnd(units: readonly string[], demand: Demand) {
              const { least: _, ...whole } = demand
              return super.holdEnd(units, whole)
            }
          },
      ),
    ],
  },
  {
    name: 'booking-delays-waiter',
    defect: 'a booking gets the GPUs of a waiter',
    plants: [
      at('src/domain/operation/book.ts#book', (book) => (pool, operation, context) => {
        const done = book({ ...pool, queue: [] }, operation, context)
        return { ...done, pool: { ...done.pool, queue: pool.queue } }
      }),
    ],
  },
  {
    name: 'limit-without-bookings',
    defect: 'the limit of GPUs does not count bookings',
    isRare: true,
    plants: [
      at(
        OPENINGS,
        (Openings) =>
          class extends Openings {
            override peakFor(demand: Demand) {
              return super.peakFor({ ...demand, duration: 0 })
            }
          },
      ),
    ],
  },
]
