import { expect, test } from 'bun:test'
import { FailureLog } from '../../src/daemon/failure-log.ts'
import { CanhazgpuError } from '../../src/domain/errors.ts'

const SECOND = 1_000
const MINUTE = 60 * SECOND
const FULL = new CanhazgpuError('store-unavailable', 'the disk is full')

function log() {
  const lines: string[] = []
  const time = { now: 0 }
  const written = new FailureLog({ write: (text) => void lines.push(text), clock: () => time.now })
  const fail = (error: unknown, { times, every }: { readonly times: number; readonly every: number }) => {
    for (let failed = 0; failed < times; failed++) {
      written.failed(error)
      time.now += every
    }
  }
  return { lines, time, log: written, fail }
}

test('a failure that repeats is logged once, and every ten minutes with its count', () => {
  const { lines, fail } = log()
  fail(FULL, { times: 900, every: SECOND })
  expect(lines).toEqual(['the disk is full', 'the disk is full (600 times in 0h 10m 0s)'])
})

test('another failure is logged, and after it the first one is still known', () => {
  const { lines, log: written } = log()
  for (const message of ['a', 'b', 'a', 'b', 'a'])
    written.failed(new CanhazgpuError('store-unavailable', message))
  expect(lines).toEqual(['a', 'b'])
})

test('a rare failure is logged each time', () => {
  const { lines, fail } = log()
  fail(FULL, { times: 3, every: 20 * MINUTE })
  expect(lines).toEqual(Array(3).fill('the disk is full'))
})

test('the end of the failures of the store is logged once, and then the next one again', () => {
  const { lines, time, log: written, fail } = log()
  fail(FULL, { times: 180, every: SECOND })
  time.now += 10 * SECOND
  written.committed()
  written.committed()
  written.failed(FULL)
  expect(lines).toEqual([
    'the disk is full',
    'The pool can be written again (it failed 180 times in 0h 2m 59s)',
    'the disk is full',
  ])
})

test('commits between failures are not their end', () => {
  const { lines, log: written, fail } = log()
  for (let each = 0; each < 50; each++) {
    fail(FULL, { times: 1, every: SECOND })
    written.committed()
  }
  expect(lines).toEqual(['the disk is full'])
})

test('a commit says nothing about other failures', () => {
  const { lines, time, log: written } = log()
  written.failed(new CanhazgpuError('driver-failed', 'no driver'))
  time.now += MINUTE
  written.committed()
  expect(lines).toEqual(['no driver'])
})

test('a defect is logged with its stack, and failures of any number take bounded memory', () => {
  const { lines, log: written } = log()
  const defect = new Error('a bug')
  written.failed(defect)
  for (let each = 0; each < 1_000; each++) written.failed(`failure ${each}`)
  expect(lines[0]).toBe(defect.stack ?? '')
  expect(lines).toHaveLength(1_001)
  written.failed('failure 999')
  expect(lines).toHaveLength(1_001)
})
