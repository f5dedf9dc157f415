import { expect, test } from 'bun:test'
import { isNotNewer, revisionOf } from '../../../src/domain/fleet/snapshot.ts'

const steady = (ms: number, epoch = 'boot 1') => ({ epoch, ms })

test('a later commit is newer, and of the same commit a later reading', () => {
  const first = revisionOf(steady(100), steady(200))
  expect(isNotNewer(revisionOf(steady(150), steady(160)), first)).toBe(false)
  expect(isNotNewer(revisionOf(steady(100), steady(201)), first)).toBe(false)
  expect(isNotNewer(revisionOf(steady(100), steady(199)), first)).toBe(true)
  expect(isNotNewer(first, first)).toBe(true)
})

test('after a reboot a host publishes a pool that nobody has changed since', () => {
  const before = revisionOf(steady(100_000), steady(200_000))
  const after = revisionOf(steady(100_000), steady(5_000, 'boot 2'))
  expect(isNotNewer(after, before)).toBe(false)
  const later = revisionOf(steady(100_000), steady(110_000, 'boot 2'))
  expect(isNotNewer(later, after)).toBe(false)
  // The first commit of this boot is newer, although its time is less than that of the commit before the reboot.
  expect(isNotNewer(revisionOf(steady(6_000, 'boot 2'), steady(6_100, 'boot 2')), after)).toBe(false)
})

test('a commit from a container that has its own boot id is newer too', () => {
  const before = revisionOf(steady(100), steady(200))
  expect(isNotNewer(revisionOf(steady(250, 'container'), steady(260)), before)).toBe(false)
})
