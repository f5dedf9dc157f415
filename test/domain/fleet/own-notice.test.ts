import { expect, test } from 'bun:test'
import { ownNotice } from '../../../src/domain/fleet/own-notice.ts'

const HOUR = 3_600_000

test.each([
  ['missing', { age: undefined }],
  ['behind', { age: HOUR, sinceCommit: HOUR / 2 }],
  ['behind', { age: 46_000, isServed: true }],
  // The commit is being published.
  ['quiet', { age: HOUR, sinceCommit: 4_000 }],
  ['quiet', { age: HOUR }],
  ['current', { age: 15_000 }],
  ['current', { age: 0, sinceCommit: 1_000 }],
] as const)('the notice of this host is %s: %o', (expected, facts) => {
  expect(ownNotice({ sinceCommit: 2 * HOUR, isServed: false, ...facts })).toBe(expected)
})
