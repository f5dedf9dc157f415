import { expect, test } from 'bun:test'
import { RecordRates } from '../../src/daemon/record-rates.ts'
import type { Reservation } from '../../src/domain/pool/model.ts'
import { wholeUnits } from '../../src/domain/pool/units.ts'

const [ANN, BEN] = [1000, 1001]
const DAY = 86_400_000

const held = (gpus: number, note = ''): Reservation => ({
  ...{ id: 'a', startedAt: 0, owner: { account: { uid: ANN, name: 'ann' }, shownName: 'ann' }, note },
  holdings: wholeUnits(Array.from({ length: gpus }, (_, at) => String(at))),
  term: { kind: 'manual', expiresAt: 1 },
})

/** The number of records of reservations that follow each other for this time. */
function recordsIn(ms: number, reservation: Reservation): number {
  let now = 0
  let records = 0
  const rates = new RecordRates(() => now)
  while (now < ms) {
    now += rates.delayOf(ANN)
    rates.granted(ANN, reservation)
    records += reservation.holdings.length
    // The fastest client.
    now += 1
  }
  return records
}

test('a day of short reservations writes 50 MB at most, whatever their notes', () => {
  expect(recordsIn(DAY, held(1)) * 103).toBeWithin(44_000_000, 46_000_000)
  expect(recordsIn(DAY, held(8)) * 103).toBeWithin(44_000_000, 46_000_000)
  expect(recordsIn(DAY, held(8, '…'.repeat(256))) * (103 + 768)).toBeWithin(44_000_000, 46_000_000)
})

test('ten thousand short jobs are not delayed, and afterwards four each second', () => {
  let now = 0
  const rates = new RecordRates(() => now)
  for (let jobs = 0; jobs < 10_000; jobs++) rates.granted(ANN, held(1))
  for (let second = 0; second < 3_600; second++) {
    for (let jobs = 0; jobs < 4; jobs++) rates.granted(ANN, held(1, 'a note'))
    now += 1_000
    expect(rates.delayOf(ANN)).toBe(0)
  }
})

test('other accounts are not delayed', () => {
  const rates = new RecordRates(() => 0)
  for (let jobs = 0; jobs < 20_000; jobs++) rates.granted(ANN, held(1))
  expect(rates.delayOf(ANN)).toBeGreaterThan(0)
  expect(rates.delayOf(BEN)).toBe(0)
})
