import { expect, test } from 'bun:test'
import { isNotNewer, revisionOf } from '../../../src/domain/fleet/snapshot.ts'

const steady = (ms: number, epoch = 'boot 1') => ({ epoch, ms })

/** Of a pool that was written and read at these times. */
const revision = (written: ReturnType<typeof steady>, moment: ReturnType<typeof steady>, begun = moment.ms) =>
  revisionOf({ begun, moment, written })

test('a later commit is newer, and of the same commit a later reading', () => {
  const first = revision(steady(100), steady(200))
  expect(isNotNewer(revision(steady(150), steady(160)), first)).toBe(false)
  expect(isNotNewer(revision(steady(100), steady(201)), first)).toBe(false)
  expect(isNotNewer(revision(steady(100), steady(199)), first)).toBe(true)
  expect(isNotNewer(first, first)).toBe(true)
})

test('a commit during the reading is newer than those before it', () => {
  const before = revision(steady(100), steady(200))
  expect(isNotNewer(revision(steady(250), steady(260), 240), before)).toBe(false)
  expect(isNotNewer(before, revision(steady(250), steady(260), 240))).toBe(true)
})

test('after a reboot a host publishes a pool that nobody has changed since', () => {
  const before = revision(steady(100_000), steady(200_000))
  const after = revision(steady(100_000), steady(5_000, 'boot 2'))
  expect(isNotNewer(after, before)).toBe(false)
  const later = revision(steady(100_000), steady(110_000, 'boot 2'))
  expect(isNotNewer(later, after)).toBe(false)
  // The first commit of this boot is newer, although its time is less than that of the commit before the reboot.
  expect(isNotNewer(revision(steady(6_000, 'boot 2'), steady(6_100, 'boot 2')), after)).toBe(false)
})

test('a commit from a container that has its own boot id is newer too', () => {
  const before = revision(steady(100), steady(200))
  expect(isNotNewer(revision(steady(250, 'container'), steady(260)), before)).toBe(false)
})
