import { expect, test } from 'bun:test'
import { Guesses } from '../../../src/web/access/guesses.ts'
import { HttpError } from '../../../src/web/errors.ts'

/** Whether a password from this address is checked now. */
function isAdmitted(guesses: Guesses, address: string): boolean {
  try {
    guesses.admit(address)
    return true
  } catch (error) {
    expect(error).toBeInstanceOf(HttpError)
    expect(error).toMatchObject({ status: 429, headers: { 'retry-after': '1' } })
    return false
  }
}

const guess = (guesses: Guesses, address: string, times: number) =>
  Promise.all(Array.from({ length: times }, () => guesses.wrong(address)))

test('after ten wrong passwords, answers to this address are delayed, and to no other address', async () => {
  const guesses = new Guesses(() => 0)
  await guess(guesses, '10.0.0.1', 10)
  expect(isAdmitted(guesses, '10.0.0.1')).toBe(true)
  const delayed = guess(guesses, '10.0.0.1', 4)
  expect(isAdmitted(guesses, '10.0.0.1')).toBe(false)
  expect(isAdmitted(guesses, '::ffff:10.0.0.1')).toBe(false)
  expect(isAdmitted(guesses, '10.0.0.2')).toBe(true)
  await delayed
  expect(isAdmitted(guesses, '10.0.0.1')).toBe(true)
})

test('all addresses of one IPv6 network count as one address', async () => {
  const guesses = new Guesses(() => 0)
  await guess(guesses, '2001:db8::1', 10)
  const delayed = guess(guesses, '2001:db8:0:0:1:2:3:4', 4)
  expect(isAdmitted(guesses, '2001:db8::dead:beef')).toBe(false)
  expect(isAdmitted(guesses, '2001:db8:0:1::1')).toBe(true)
  expect(isAdmitted(guesses, '::1')).toBe(true)
  await delayed
})

test('if many addresses guess, answers are delayed from the first guess, and the memory is bounded', async () => {
  const guesses = new Guesses(() => 0)
  const delayed: Promise<unknown>[] = []
  for (let at = 0; at < 30_000; at++)
    delayed.push(guesses.wrong(`10.${at >> 16}.${(at >> 8) & 255}.${at & 255}`))
  expect(isAdmitted(guesses, '10.0.117.47')).toBe(false)
  expect(isAdmitted(guesses, '192.0.2.1')).toBe(true)
  await Promise.all(delayed)
  await guess(guesses, '192.0.2.1', 1)
  expect(guesses.size).toBe(10_000)
})

test('wrong passwords are forgotten after ten minutes', async () => {
  let now = 0
  const guesses = new Guesses(() => now)
  await guess(guesses, '10.0.0.1', 10)
  now += 10 * 60_000
  const all = guess(guesses, '10.0.0.1', 10)
  expect(isAdmitted(guesses, '10.0.0.1')).toBe(true)
  await all
  expect(guesses.size).toBe(1)
})
