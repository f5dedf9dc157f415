import { expect, test } from 'bun:test'
import { DecisionRates } from '../../src/daemon/decision-rates.ts'

const SECOND = 1_000
const MINUTE = 60 * SECOND

/** The time that decisions take in ten minutes after the first, if these accounts ask again as soon as they may. */
function timeTaken(accounts: number, decisionMs: number): number {
  let now = 0
  const rates = new DecisionRates(() => now)
  let taken = 0
  while (now < 11 * MINUTE) {
    const next = Array.from({ length: accounts }, (_, uid) => ({ uid, delay: rates.delayOf(uid) }))
    const [first = { uid: 0, delay: 0 }] = next.toSorted((a, b) => a.delay - b.delay)
    now += first.delay + decisionMs
    if (now > MINUTE) taken += decisionMs
    rates.took(first.uid, decisionMs)
  }
  return taken
}

test('an account whose decisions take long leaves most of the time to others', () => {
  expect(timeTaken(1, 200)).toBeLessThan(0.04 * 10 * MINUTE)
  expect(timeTaken(1, 2_000)).toBeLessThan(0.04 * 10 * MINUTE)
})

test('so do many together', () => {
  expect(timeTaken(16, 200)).toBeLessThan(0.1 * 10 * MINUTE)
})

test('other accounts are not delayed, nor are short decisions', () => {
  const rates = new DecisionRates(() => 0)
  for (let asked = 0; asked < 1_000; asked++) {
    rates.took(1, 200)
    rates.took(2, 4)
  }
  rates.took(3, 200)
  expect([1, 2, 3].map((uid) => rates.delayOf(uid) > 0)).toEqual([true, false, false])
})
