import type { Millis, UsageRecord, UsageTally } from '../pool/model.ts'

/** The sums of the records that end on one day (UTC), of one user, account and term. */
export interface DaySum extends UsageTally {
  readonly day: number
  /** Number of reservations whose records all end on this day. Other reservations cannot be counted by day. */
  readonly reservations: number
  readonly earliestStart: Millis
}

export type DayKey = Pick<DaySum, 'day' | 'user' | 'uid' | 'account' | 'term'>

/** The day on which all records of a reservation end, or `several`. */
export type EndDay = number | 'several'

/** The sums before an addition. */
export interface AddedUp {
  /** Undefined for a reservation without records. */
  readonly endDay: (reservation: string) => EndDay | undefined
  readonly sum: (key: DayKey) => DaySum | undefined
}

/** The changes when records are added. */
export interface Additions {
  readonly sums: readonly DaySum[]
  /** Reservations whose records now end on several days. */
  readonly several: readonly string[]
}

export const DAY_MS: Millis = 86_400_000

export const dayOf = (at: Millis): number => Math.trunc(at / DAY_MS)

/**
 * Adds new records, in any order. All records of a reservation have the same owner and term. A reservation counts on
 * the day of its records. If one of them ends on another day, it counts on no day.
 */
export function addedUp(records: Iterable<UsageRecord>, before: AddedUp): Additions {
  const sums = new Map<string, DaySum>()
  const ends = new Map<string, EndDay | undefined>()
  const several: string[] = []
  const sumOf = (key: DayKey) => sums.get(keyText(key)) ?? before.sum(key)
  const put = (sum: DaySum): void => void sums.set(keyText(sum), sum)
  for (const record of records) {
    const { reservation, startedAt, endedAt } = record
    const key = keyOf(record)
    const end = ends.has(reservation) ? ends.get(reservation) : before.endDay(reservation)
    const isFirst = end === undefined
    const sum = sumOf(key) ?? { ...key, ms: 0, reservations: 0, earliestStart: startedAt }
    put({
      ...sum,
      ms: sum.ms + endedAt - startedAt,
      reservations: sum.reservations + (isFirst ? 1 : 0),
      earliestStart: Math.min(sum.earliestStart, startedAt),
    })
    ends.set(reservation, isFirst || end === key.day ? key.day : 'several')
    if (typeof end !== 'number' || end === key.day) continue
    several.push(reservation)
    const counted = sumOf({ ...key, day: end })
    if (counted !== undefined) put({ ...counted, reservations: counted.reservations - 1 })
  }
  return { sums: [...sums.values()], several }
}

export const keyOf = ({ owner: { account, shownName }, term, endedAt }: UsageRecord): DayKey => ({
  day: dayOf(endedAt),
  user: shownName,
  uid: account.uid,
  account: account.name,
  term,
})

const keyText = ({ day, user, uid, account, term }: DayKey): string =>
  JSON.stringify([day, user, uid, account, term])
