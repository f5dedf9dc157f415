import { expect, test } from 'bun:test'
import { ConnectionRates } from '../../../src/adapters/daemon/connection-rates.ts'

const [ANN, BEN] = [1000, 1001]

const allowed = (
  rates: ConnectionRates,
  { uid, now, wanted }: { uid: number; now: number; wanted: number },
) => Array.from({ length: wanted }, () => rates.allows(uid, now)).filter(Boolean).length

test('an account that connects again and again is slowed down, and others are not', () => {
  const rates = new ConnectionRates()
  expect(allowed(rates, { uid: ANN, now: 0, wanted: 10_000 })).toBe(2_048)
  expect(allowed(rates, { uid: ANN, now: 1_000, wanted: 10_000 })).toBe(500)
  expect(allowed(rates, { uid: BEN, now: 1_000, wanted: 2_000 })).toBe(2_000)
})

test('accounts that have not connected for a while are forgotten', () => {
  const rates = new ConnectionRates()
  for (let uid = 100_000; uid < 200_000; uid++) rates.allows(uid, uid)
  expect(rates.size).toBeLessThanOrEqual(1_024)
  expect(allowed(rates, { uid: ANN, now: 200_000, wanted: 10_000 })).toBe(2_048)
})
