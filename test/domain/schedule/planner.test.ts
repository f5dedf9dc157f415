import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { withBookings } from '../../../src/domain/pool/bookings.ts'
import type { Pool, Request, UnitId } from '../../../src/domain/pool/model.ts'
import { gpuUnit } from '../../../src/domain/pool/units.ts'
import { demandOf } from '../../../src/domain/schedule/demand.ts'
import { expectedStarts } from '../../../src/domain/schedule/expected-starts.ts'
import { withPromisesKept } from '../../../src/domain/schedule/promises.ts'
import {
  openingsFor,
  PASSED_OVER_AFTER_MS,
  startableEntries,
} from '../../../src/domain/schedule/startable.ts'
import {
  bookedOf,
  manualOf,
  NOON,
  poolOf,
  runOf,
  someUnits,
  theseUnits,
  unit,
  waiterOf,
} from '../pool/builders.ts'
import { type Case, expectedMinutes, startsIn } from './oracle.ts'

const NOW = NOON.wall
const MINUTE = 60_000
const stopped = () => false

interface DrawnCase extends Case {
  readonly units: readonly (Case['units'][number] & {
    readonly isFaulty: boolean
    readonly isDrained: boolean
  })[]
}

/** Small pools. Each unit may be held now and booked for later. */
const anyCase: fc.Arbitrary<DrawnCase> = fc.integer({ min: 1, max: 4 }).chain((size) => {
  const unitNumber = fc.integer({ min: 0, max: size - 1 })
  const minutes = fc.integer({ min: 1, max: 12 })
  const held = fc.record({
    isHeld: fc.boolean(),
    until: fc.option(minutes),
    booked: fc.option(fc.record({ after: fc.integer({ min: 1, max: 8 }), for: minutes }), { freq: 2 }),
  })
  return fc
    .record({
      units: fc.array(
        fc.record({
          lastUse: fc.option(fc.integer({ min: -5, max: 0 })),
          type: fc.integer({ min: 0, max: 1 }),
          isFaulty: fc.integer({ min: 0, max: 9 }).map((die) => die === 0),
          isDrained: fc.integer({ min: 0, max: 9 }).map((die) => die === 0),
        }),
        { minLength: size, maxLength: size },
      ),
      holds: fc.array(held, { minLength: size, maxLength: size }),
      queue: fc.array(
        fc.record({
          wants: fc.oneof(
            fc.integer({ min: 1, max: size }),
            fc.uniqueArray(unitNumber, { minLength: 1, maxLength: size }),
          ),
          type: fc.option(fc.integer({ min: 0, max: 1 })),
          minutes: fc.option(minutes),
          isWaitedFor: fc.integer({ min: 0, max: 9 }).map((die) => die > 0),
        }),
        { maxLength: 6 },
      ),
    })
    .map(({ units, holds, queue }) => ({
      units: units.map((each) => ({ ...each, isUnusable: each.isFaulty || each.isDrained })),
      queue,
      held: holds.flatMap(({ isHeld, until, booked }, number) => {
        const from = (isHeld ? (until ?? 0) : 0) + (booked?.after ?? 0)
        return [
          ...(isHeld ? [{ unit: number, from: -1, until }] : []),
          ...(booked === null ? [] : [{ unit: number, from, until: from + booked.for }]),
        ]
      }),
    }))
})

const at = (minutes: number) => NOW + minutes * MINUTE

const nameOf = (type: number): string => (type === 0 ? 'NVIDIA H100' : 'NVIDIA A100')

function requestFor(wants: number | readonly number[], type: number | null): Request {
  if (typeof wants !== 'number') return theseUnits(...wants)
  if (type === null) return someUnits(wants)
  return { kind: 'count', count: wants, gpuTypes: [type === 0 ? 'h100' : 'a100'] }
}

function poolFrom(subject: DrawnCase): Pool {
  const units = subject.units.map(({ lastUse, isDrained, type }, number) =>
    unit(number, {
      device: { uuid: `GPU-${number}`, name: nameOf(type) },
      ...(lastUse === null ? {} : { lastUse: { endedAt: at(lastUse), uid: 1000 } }),
      ...(isDrained ? { drain: { since: NOW, by: { uid: 0, name: 'root' } } } : {}),
    }),
  )
  const held = subject.held.map((each, index) => ({ ...each, id: `held-${index}` }))
  const reservations = held.flatMap(({ unit: number, from, until, id }) => {
    if (from > 0) return []
    const parts = { id, units: [number] }
    return until === null ? runOf(parts) : manualOf({ ...parts, expiresAt: at(until) })
  })
  const bookings = held.flatMap(({ unit: number, from, until, id }) =>
    from > 0 && until !== null
      ? bookedOf({ id, request: theseUnits(number), units: [number], from: at(from), until: at(until) })
      : [],
  )
  const queue = subject.queue.map(({ wants, type, minutes, isWaitedFor }, place) =>
    waiterOf({
      id: String(place),
      request: requestFor(wants, type),
      ...(minutes === null ? {} : { duration: minutes * MINUTE }),
      ...(isWaitedFor ? {} : { startableSince: NOW - PASSED_OVER_AFTER_MS }),
    }),
  )
  return withBookings(poolOf(units, { reservations, queue }), bookings)
}

/** The faulty units; the planner finds the drained ones itself. */
const unusableIn = ({ units }: DrawnCase): ReadonlySet<UnitId> =>
  new Set(units.flatMap(({ isFaulty }, number) => (isFaulty ? [gpuUnit(number)] : [])))

function minutesIn(subject: DrawnCase, pool: Pool, unknownEnds: 'never' | 'now'): readonly (number | null)[] {
  const obstacles = [...unusableIn(subject)].map((id) => ({
    kind: 'faulty' as const,
    unit: id,
    fault: { kind: 'fault' as const, code: 'reported' as const, reason: 'lost' },
  }))
  const starts = expectedStarts(pool, { now: NOW, stopped, obstacles, unknownEnds })
  return pool.queue.map(({ id }) => {
    const start = starts.get(id)
    return start?.kind === 'at' ? (start.at - NOW) / MINUTE : null
  })
}

const runs = { numRuns: 2_000 }

test('the entries that can start now, and their units, equal those of the oracle', () => {
  fc.assert(
    fc.property(anyCase, (subject) => {
      const pool = poolFrom(subject)
      const conditions = { now: NOW, stopped, unusable: unusableIn(subject) }
      const lastUse = subject.units.map((each) => each.lastUse)
      const starts = startsIn(subject, { now: 0, held: subject.held, lastUse, waiting: subject.queue })
      const expected = subject.queue.flatMap((waiter, place) => {
        const units = starts.get(waiter)
        return units === undefined ? [] : [[String(place), units]]
      })
      const found = startableEntries(pool, conditions).map((entry) => {
        const choices = openingsFor(pool, entry.id, conditions).choices(demandOf(entry, pool.policy))
        const { request } = entry
        return [entry.id, (request.kind === 'count' ? choices.slice(0, request.count) : choices).map(Number)]
      })
      const sorted = (pairs: readonly unknown[][]) =>
        pairs.map(([id, units]) => [id, Array.isArray(units) ? units.toSorted() : units])
      expect(sorted(found)).toEqual(sorted(expected))
    }),
    runs,
  )
})

test('the expected start of each waiter equals that of the oracle, which simulates each minute', () => {
  fc.assert(
    fc.property(anyCase, fc.constantFrom('never' as const, 'now' as const), (subject, unknownEnds) => {
      expect(minutesIn(subject, poolFrom(subject), unknownEnds)).toEqual(
        expectedMinutes(subject, unknownEnds),
      )
    }),
    runs,
  )
})

test('an extension is allowed exactly if, by the oracle, it delays no waiter and no booking', () => {
  fc.assert(
    fc.property(anyCase, fc.integer({ min: 1, max: 10 }), fc.nat(), (drawn, by, pick) => {
      // Promises depend on reservations and drains, not on readings.
      const units = drawn.units.map((each) => ({ ...each, isFaulty: false, isUnusable: each.isDrained }))
      const subject = { ...drawn, units }
      const manual = subject.held.filter(({ from, until }) => from < 0 && until !== null)
      const extended = manual[pick % Math.max(1, manual.length)]
      if (extended?.until === null || extended?.until === undefined) return
      const until = extended.until + by
      const longer = {
        ...subject,
        held: subject.held.map((each) => (each === extended ? { ...each, until } : each)),
      }
      const delaysBooking = subject.held.some(
        ({ unit: number, from }) => number === extended.unit && from > 0 && from < until,
      )
      const isKept = (['never', 'now'] as const).every((unknownEnds) => {
        const promised = expectedMinutes(subject, unknownEnds)
        const then = expectedMinutes(longer, unknownEnds)
        const infinite = (minutes: number | null | undefined) => minutes ?? Number.POSITIVE_INFINITY
        return promised.every((minutes, place) => infinite(then[place]) <= infinite(minutes))
      })
      const known = { now: NOW, stopped }
      const promises = withPromisesKept(poolFrom(subject), poolFrom(longer), known)
      expect(promises.kind).toBe(delaysBooking ? 'booked' : isKept ? 'kept' : 'waiting')
    }),
    { numRuns: 500 },
  )
})

test('the forecast for one waiter is the same as in the forecast for all', () => {
  fc.assert(
    fc.property(anyCase, fc.nat(5), (subject, place) => {
      const pool = poolFrom(subject)
      const only = String(place)
      const known = { now: NOW, stopped }
      expect(expectedStarts(pool, { ...known, only }).get(only)).toEqual(
        expectedStarts(pool, known).get(only),
      )
    }),
    runs,
  )
})
