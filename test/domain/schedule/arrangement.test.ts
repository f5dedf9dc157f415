import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { withBookings } from '../../../src/domain/pool/bookings.ts'
import type { Booking, Pool, Request } from '../../../src/domain/pool/model.ts'
import { poolFaults } from '../../../src/domain/pool/soundness.ts'
import { arranged } from '../../../src/domain/schedule/arrangement.ts'
import { bookedOf, manualOf, NOON, poolOf, runOf, someUnits, theseUnits, unit } from '../pool/builders.ts'

const NOW = NOON.wall
const MINUTE = 60_000
const at = (minutes: number) => NOW + minutes * MINUTE

interface Drawn {
  readonly units: readonly {
    readonly isH100: boolean
    readonly isDrained: boolean
    readonly heldFor: number | null
  }[]
  readonly wishes: readonly Wish[]
}

interface Wish {
  readonly from: number
  readonly until: number
  /** Exact units, or a number of a type or of any type. */
  readonly wants: readonly number[] | { readonly count: number; readonly type: 'h100' | 'a100' | null }
}

/** `heldFor`: minutes; 0: free; null: without a known end. */
const anyCase: fc.Arbitrary<Drawn> = fc.integer({ min: 1, max: 4 }).chain((size) =>
  fc.record({
    units: fc.array(
      fc.record({
        isH100: fc.boolean(),
        isDrained: fc.integer({ min: 0, max: 9 }).map((die) => die === 0),
        heldFor: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 8 }), fc.constant(null)),
      }),
      { minLength: size, maxLength: size },
    ),
    wishes: fc.array(
      fc
        .record({
          from: fc.integer({ min: 0, max: 10 }),
          length: fc.integer({ min: 1, max: 6 }),
          wants: fc.oneof(
            fc.uniqueArray(fc.integer({ min: 0, max: size - 1 }), { minLength: 1, maxLength: size }),
            fc.record({
              count: fc.integer({ min: 1, max: size }),
              type: fc.constantFrom('h100' as const, 'a100' as const, null),
            }),
          ),
        })
        .map(({ from, length, wants }) => ({ from, until: from + length, wants })),
      { maxLength: 6 },
    ),
  }),
)

function requestOf({ wants }: Wish): Request {
  if (!('count' in wants)) return theseUnits(...wants)
  return wants.type === null
    ? someUnits(wants.count)
    : { kind: 'count', count: wants.count, gpuTypes: [wants.type] }
}

function poolFrom({ units }: Drawn): Pool {
  const reservations = units.flatMap(({ heldFor }, number) => {
    if (heldFor === 0) return []
    const parts = { id: `held-${number}`, units: [number] }
    return heldFor === null ? runOf(parts) : manualOf({ ...parts, expiresAt: at(heldFor) })
  })
  const all = units.map(({ isH100, isDrained }, number) =>
    unit(number, {
      device: { uuid: `GPU-${number}`, name: isH100 ? 'NVIDIA H100' : 'NVIDIA A100' },
      ...(isDrained ? { drain: { since: NOW, by: { uid: 0, name: 'root' } } } : {}),
    }),
  )
  return poolOf(all, { reservations })
}

/** Without units: `arranged` chooses them. */
const newBooking = (wish: Wish, id: string): Booking => ({
  ...bookedOf({ id, request: requestOf(wish), from: at(wish.from), until: at(wish.until) }),
  holdings: [],
})

/** Whether all wishes can have units, by trying every choice for each of them. */
function canAllHave({ units }: Drawn, wishes: readonly Wish[], taken: readonly Taken[] = []): boolean {
  const [wish, ...others] = wishes
  if (wish === undefined) return true
  const usable = units.flatMap((each, number) => {
    const isFree = each.heldFor !== null && each.heldFor <= wish.from
    const isTaken = taken.some((one) => one.unit === number && one.from < wish.until && wish.from < one.until)
    return isFree && !each.isDrained && !isTaken && suits(wish, each.isH100, number) ? [number] : []
  })
  const size = 'count' in wish.wants ? wish.wants.count : wish.wants.length
  return subsets(usable, size).some((chosen) =>
    canAllHave({ units, wishes }, others, [...taken, ...chosen.map((number) => ({ ...wish, unit: number }))]),
  )
}

interface Taken extends Pick<Wish, 'from' | 'until'> {
  readonly unit: number
}

function suits({ wants }: Wish, isH100: boolean, number: number): boolean {
  if (!('count' in wants)) return wants.includes(number)
  return wants.type === null || (wants.type === 'h100') === isH100
}

function subsets(numbers: readonly number[], size: number): readonly (readonly number[])[] {
  if (size === 0) return [[]]
  return numbers.flatMap((number, place) =>
    subsets(numbers.slice(place + 1), size - 1).map((others) => [number, ...others]),
  )
}

test('an arrangement is found exactly if there is one, and it is sound', () => {
  fc.assert(
    fc.property(anyCase, (drawn) => {
      const pool = poolFrom(drawn)
      const bookings = drawn.wishes.map((wish, place) => newBooking(wish, `k${place}`))
      const found = arranged(withBookings(pool, bookings), { now: NOW })
      expect(found !== null).toBe(canAllHave(drawn, drawn.wishes))
      if (found !== null) expect(poolFaults(found)).toEqual([])
    }),
    { numRuns: 3_000 },
  )
})

test('one after the other, each booking is accepted exactly if all can be kept', () => {
  fc.assert(
    fc.property(anyCase, (drawn) => {
      let pool = poolFrom(drawn)
      const accepted: Wish[] = []
      for (const [place, wish] of drawn.wishes.entries()) {
        const found = arranged(
          withBookings(pool, [...(pool.bookings ?? []), newBooking(wish, `k${place}`)]),
          { now: NOW, before: pool },
        )
        expect(found !== null).toBe(canAllHave(drawn, [...accepted, wish]))
        if (found === null) continue
        expect(poolFaults(found)).toEqual([])
        accepted.push(wish)
        pool = found
      }
    }),
    { numRuns: 2_000 },
  )
})

test('bookings that can stay where they are stay there', () => {
  fc.assert(
    fc.property(anyCase, (drawn) => {
      const pool = poolFrom(drawn)
      const bookings = drawn.wishes.map((wish, place) => newBooking(wish, `k${place}`))
      const found = arranged(withBookings(pool, bookings), { now: NOW })
      if (found !== null) expect(arranged(found, { now: NOW })).toBe(found)
    }),
  )
})
