import { expect, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import { currentMoment } from '../../../src/adapters/kernel/clock.ts'

test('steady time is the time since boot, and never runs backwards', () => {
  const uptime = () => Number(readFileSync('/proc/uptime', 'utf8').split(' ')[0]) * 1000
  const before = uptime()
  const { steady } = currentMoment()
  // Uptime is in hundredths of a second, rounded down.
  expect(steady.ms).toBeGreaterThanOrEqual(before)
  expect(steady.ms).toBeLessThanOrEqual(uptime() + 10)
  expect(currentMoment().steady.ms).toBeGreaterThanOrEqual(steady.ms)
})

test('the epoch stays the same within a boot', () => {
  const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
  expect(currentMoment().steady.epoch).toStartWith(boot)
  expect(currentMoment().steady.epoch).toBe(currentMoment().steady.epoch)
})
