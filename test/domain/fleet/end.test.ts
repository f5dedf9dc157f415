import { expect, test } from 'bun:test'
import { endIn } from '../../../src/domain/fleet/frames.ts'

test.each([
  [{ code: 0 }, { code: 0 }],
  [{ code: 255 }, { code: 255 }],
  [{ signal: 9 }, { signal: 9 }],
  [{ signal: 64 }, { signal: 64 }],
])('%p is the end %p', (reported, end) => {
  expect(endIn(reported)).toEqual(end)
})

test.each([
  {},
  { code: 256 },
  { code: -1 },
  { code: 1e300 },
  { code: '0' },
  { code: 0.5 },
  { code: 0, signal: 'SIGKILL' },
  ...[0, 65, 1e300, -9, 1.5].map((signal) => ({ signal })),
])('%p from a host counts as a failure', (reported) => {
  expect(endIn(reported)).toEqual({ code: 1 })
})

test.each([17, 18, 19, 20, 21, 22, 23, 28])('signal %p would not end the caller', (signal) => {
  expect(endIn({ signal })).toEqual({ code: 1 })
})
