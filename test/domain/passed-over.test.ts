import { expect, test } from 'bun:test'
import { acquire, type Intent, noteServable } from '../../src/domain/acquisition.ts'
import { endReservation } from '../../src/domain/ending.ts'
import { comes, servableEntries } from '../../src/domain/line.ts'
import type { Pool, QueueEntry } from '../../src/domain/model.ts'
import { usageOf } from '../../src/domain/usage.ts'

const NOW = 1_000_000
const account = { uid: 1, name: 'alice' }
const process = { pid: 1, startTime: 1, bootId: 'boot', pidNamespace: '1' }
const waiting = (id: string, servableSince?: number): QueueEntry => ({
  id,
  user: 'alice',
  account,
  request: { kind: 'count', count: 1 },
  kind: 'run',
  process,
  joinedAt: 0,
  heartbeatAt: 0,
  ...(servableSince === undefined ? {} : { servableSince }),
})

const poolWith = (...queue: QueueEntry[]): Pool => ({
  host: 'here',
  provider: 'fake',
  gpus: [{ id: 0, uuid: 'GPU-0', name: 'played' }],
  reservations: [],
  queue,
  settings: { allocation: 'lru' },
  writtenAt: { wall: NOW, steady: { epoch: 'boot', ms: 0 } },
})
const state = { kind: 'measured', memoryUsedMb: 0, processes: [] } as const
const readings = [{ index: 0, uuid: 'GPU-0', name: 'played', state }]
const sight = { usage: usageOf(poolWith(), { provider: 'fake', readings }), thresholdMb: 1024 }
const intent = (id: string): Intent => ({
  id,
  request: { kind: 'count', count: 1 },
  user: 'alice',
  account,
  hold: { kind: 'run', process, command: 'train' },
})

test('who was passed over holds up nobody at the next turn either, and comes first again when it comes', () => {
  const pool = poolWith(waiting('first', NOW - 20_000), waiting('second', NOW - 20_000), waiting('third'))
  const third = intent('third')
  const { pool: held, result } = acquire(pool, third, sight, NOW)
  expect(result.kind).toBe('granted')
  const { pool: free } = endReservation(held, 'third', 'exited', NOW + 1)
  const fourth = { ...third, id: 'fourth' }
  expect(acquire(free, fourth, sight, NOW + 1).result.kind).toBe('granted')

  const back = comes(free, 'first')
  expect(servableEntries(back, NOW + 1)).toEqual(['first'])
  expect(acquire(back, fourth, sight, NOW + 1).result.kind).toBe('refused')
})

test('who was noted and then had to wait again is not passed over afterwards', () => {
  const line = poolWith(waiting('first', NOW - 20_000), waiting('second'), waiting('third'))
  const noted = noteServable(line, 'third', sight, NOW)
  const { pool: held } = acquire(noted, intent('first'), sight, NOW + 500)
  const { pool: free } = endReservation(held, 'first', 'exited', NOW + 60_000)
  expect(acquire(free, intent('third'), sight, NOW + 60_001).result.kind).toBe('refused')
  expect(servableEntries(free, NOW + 60_001)).toEqual(['second'])
})
