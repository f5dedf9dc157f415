import { expect, test } from 'bun:test'
import type { Pool, QueueEntry } from '../../../src/domain/pool/model.ts'
import { entriesToAttempt } from '../../../src/domain/schedule/attempts.ts'
import { NOON, poolOf, runOf, units, waiterOf } from '../pool/builders.ts'

const waiting = (...ids: string[]): QueueEntry[] => ids.map((id) => waiterOf({ id }))

interface Given {
  readonly absent?: readonly string[]
  readonly stopped?: readonly QueueEntry[]
}

const attempted = (pool: Pool, { absent = [], stopped = [] }: Given = {}): readonly string[] =>
  entriesToAttempt(pool, {
    conditions: {
      now: NOON.wall,
      stopped: (process) => stopped.some((entry) => entry.process === process),
    },
    reading: undefined,
    isConnected: ({ id }) => !absent.includes(id),
  }).map(({ id }) => id)

test('only the entries that can start are attempted', () => {
  expect(attempted(poolOf(units(2), { queue: waiting('a', 'b', 'c') }))).toEqual(['a', 'b'])
  const busy = poolOf(units(1), { reservations: [runOf({ units: [0] })], queue: waiting('a') })
  expect(attempted(busy)).toEqual([])
})

test('the next connected entry tries for each entry that can start and has no client', () => {
  const pool = poolOf(units(2), { queue: waiting('a', 'b', 'c', 'd') })
  expect(attempted(pool, { absent: ['a'] })).toEqual(['b', 'c'])
  expect(attempted(pool, { absent: ['a', 'b'] })).toEqual(['c'])
  expect(attempted(pool, { absent: ['a', 'b', 'c', 'd'] })).toEqual([])
})

test('a stopped waiter is not attempted', () => {
  const queue = waiting('a', 'b').map((entry, n) => ({ ...entry, process: { ...entry.process, pid: n + 1 } }))
  const pool = poolOf(units(2), { queue })
  expect(attempted(pool, { stopped: queue.slice(0, 1) })).not.toContain('a')
})
