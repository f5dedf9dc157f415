import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { addedUp, type DayKey, type DaySum, dayOf, type EndDay } from '../../../src/domain/ledger/day-sums.ts'
import type { UsageRecord } from '../../../src/domain/pool/model.ts'
import { anyCommits } from '../../adapters/store/random-usage.ts'

const keyText = ({ day, user, uid, account, term }: DayKey) => JSON.stringify([day, user, uid, account, term])

/** The data of a store: sums, reservations that end on several days, and records. */
class StoredSums {
  readonly sums = new Map<string, DaySum>()
  readonly several = new Set<string>()
  readonly #records: UsageRecord[] = []

  add(records: readonly UsageRecord[]): void {
    const additions = addedUp(records, {
      endDay: (reservation) => this.#endDay(reservation),
      sum: (key) => this.sums.get(keyText(key)),
    })
    for (const sum of additions.sums) this.sums.set(keyText(sum), sum)
    for (const reservation of additions.several) this.several.add(reservation)
    this.#records.push(...records)
  }

  #endDay(reservation: string): EndDay | undefined {
    const [first, ...others] = daysOf(this.#records, reservation)
    return others.length === 0 ? first : 'several'
  }
}

const daysOf = (records: readonly UsageRecord[], reservation: string): readonly number[] => [
  ...new Set(records.filter((each) => each.reservation === reservation).map(({ endedAt }) => dayOf(endedAt))),
]

/** The sums of all records at once. */
function expectedSums(records: readonly UsageRecord[]): readonly DaySum[] {
  const keyOf = ({ owner: { account, shownName: user }, term, endedAt }: UsageRecord) =>
    keyText({ day: dayOf(endedAt), user, uid: account.uid, account: account.name, term })
  return Object.values(Object.groupBy(records, keyOf)).flatMap((group) => {
    const [first] = group ?? []
    if (group === undefined || first === undefined) return []
    const ids = [...new Set(group.map(({ reservation }) => reservation))]
    return {
      day: dayOf(first.endedAt),
      user: first.owner.shownName,
      uid: first.owner.account.uid,
      account: first.owner.account.name,
      term: first.term,
      ms: group.reduce((ms, { startedAt, endedAt }) => ms + endedAt - startedAt, 0),
      reservations: ids.filter((id) => daysOf(records, id).length === 1).length,
      earliestStart: Math.min(...group.map(({ startedAt }) => startedAt)),
    }
  })
}

test('sums by day equal those of all records, in any order and any commits', () => {
  fc.assert(
    fc.property(anyCommits, (commits) => {
      const stored = new StoredSums()
      for (const commit of commits) stored.add(commit)
      const records = commits.flat()
      const sorted = (sums: Iterable<DaySum>) =>
        [...sums].map((sum) => [keyText(sum), sum] as const).toSorted()
      expect(sorted(stored.sums.values())).toEqual(sorted(expectedSums(records)))
      const several = new Set(
        records.map((each) => each.reservation).filter((id) => daysOf(records, id).length > 1),
      )
      expect(stored.several).toEqual(several)
    }),
    { numRuns: 1_000 },
  )
})

test('a reservation whose units end on two days counts on neither', () => {
  const stored = new StoredSums()
  const record = (unit: string, endedAt: number): UsageRecord => ({
    ...{ host: 'box', reservation: 'r', unit, startedAt: 0, endedAt, term: 'run', outcome: 'exited' },
    owner: { account: { uid: 1, name: 'ann' }, shownName: 'ann' },
  })
  stored.add([record('0', 10), record('1', 20)])
  expect([...stored.sums.values()].map(({ reservations }) => reservations)).toEqual([1])
  stored.add([record('2', 86_400_010)])
  expect([...stored.sums.values()].map(({ day, reservations, ms }) => ({ day, reservations, ms }))).toEqual([
    { day: 0, reservations: 0, ms: 30 },
    { day: 1, reservations: 0, ms: 86_400_010 },
  ])
  expect([...stored.several]).toEqual(['r'])
})
