import { expect } from 'bun:test'
import fc from 'fast-check'
import type { TimeRange } from '../../../src/domain/ledger/recorded.ts'
import type { UsageRecord, UsageTally } from '../../../src/domain/pool/model.ts'
import { gpuUnit } from '../../../src/domain/pool/units.ts'
import type { Ledger } from '../../../src/ports/ledger.ts'
import { recordOf } from './counting.ts'

const DAY = 86_400_000

/**
 * A reservation whose GPUs are released together, one after the other, or days apart. The clock may be changed between
 * the releases.
 */
const anyReservation = fc.record({
  user: fc.constantFrom('alice', 'bob', 'Ольга'),
  account: fc.constantFrom('alice', 'bob'),
  term: fc.constantFrom('run' as const, 'manual' as const),
  start: fc.integer({ min: DAY, max: 6 * DAY }),
  held: fc.array(
    fc.record({
      clockSet: fc.constantFrom(0, 0, 0, -DAY, 3_600_000),
      ms: fc.oneof(fc.constant(7_200_000), fc.nat(DAY / 8), fc.nat(2 * DAY)),
    }),
    { minLength: 1, maxLength: 4 },
  ),
})

/** The records of a few reservations, in the order of their ends. */
export const anyRecords: fc.Arbitrary<readonly UsageRecord[]> = fc
  .array(anyReservation, { maxLength: 12 })
  .map((reservations) =>
    reservations
      .flatMap(({ user, account, term, start, held }, nth) =>
        held.map(({ clockSet, ms }, nthUnit) =>
          recordOf(`r${nth}`, {
            unit: gpuUnit(nthUnit),
            owner: { account: { uid: account.length, name: account }, shownName: user },
            term,
            ...{ startedAt: start + clockSet, endedAt: start + clockSet + ms },
          }),
        ),
      )
      .sort((a, b) => a.endedAt - b.endedAt),
  )

/** Shuffled records, in commits of any size. */
export const anyCommits: fc.Arbitrary<readonly (readonly UsageRecord[])[]> = anyRecords
  .chain((records) => fc.shuffledSubarray([...records], { minLength: records.length }))
  .chain((records) =>
    fc
      .array(fc.integer({ min: 1, max: 4 }), { minLength: records.length, maxLength: records.length })
      .map((sizes) => {
        const left = [...records]
        return sizes.map((size) => left.splice(0, size)).filter((commit) => commit.length > 0)
      }),
  )

/** Often near the start of a day. */
const anyMoment = fc.oneof(
  fc.nat(9 * DAY),
  fc.tuple(fc.nat(9), fc.integer({ min: -1, max: 1 })).map(([day, by]) => Math.max(0, day * DAY + by)),
)

export const anyRange: fc.Arbitrary<TimeRange> = fc
  .tuple(anyMoment, anyMoment)
  .map(([a, b]) => ({ from: Math.min(a, b), to: Math.max(a, b) }))

/** Adds up the records one by one. */
function naiveTallies(records: readonly UsageRecord[], { from, to }: TimeRange): UsageTally[] {
  const groups = Object.values(
    Object.groupBy(records, ({ owner: { account, shownName }, term }) =>
      JSON.stringify([shownName, account.uid, account.name, term]),
    ),
  )
  return groups.flatMap((group) => {
    const inside = (group ?? []).filter((each) => each.endedAt >= from && each.startedAt <= to)
    const [first] = inside
    if (first === undefined) return []
    let ms = 0
    for (const each of inside) ms += Math.min(each.endedAt, to) - Math.max(each.startedAt, from)
    const { account, shownName: user } = first.owner
    const count = new Set(inside.map((each) => each.reservation)).size
    return [{ user, uid: account.uid, account: account.name, term: first.term, ms, reservations: count }]
  })
}

/** Compares the sums of the store with those of these records, and the records that it finds of two reservations. */
export async function expectUsage(
  ledger: Ledger,
  records: readonly UsageRecord[],
  ranges: readonly TimeRange[],
  andAll = true,
): Promise<void> {
  const inAnyOrder = <Each>(list: readonly Each[]) => list.map((each) => JSON.stringify(each)).sort()
  const asked = records.slice(0, 2).map((record) => record.reservation)
  const all = andAll ? [{ from: 0, to: Number.MAX_SAFE_INTEGER }] : []
  for (const range of [...ranges, ...all]) {
    const usage = await ledger.usage(range, asked)
    expect(inAnyOrder(usage.tallies)).toEqual(inAnyOrder(naiveTallies(records, range)))
    const found = records.filter(
      (each) => asked.includes(each.reservation) && each.endedAt >= range.from && each.startedAt <= range.to,
    )
    expect(inAnyOrder(usage.records)).toEqual(inAnyOrder(found))
  }
}
