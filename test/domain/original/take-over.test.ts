import { expect, test } from 'bun:test'
import { readOriginal } from '../../../src/domain/original/original-pool.ts'
import { namesIn, takeOver } from '../../../src/domain/original/take-over.ts'
import { NOON } from '../pool/builders.ts'
import { goEntry, goHold, goRecord, goReleased, luaHold } from './texts.ts'

const NOW = NOON.wall
const MINUTE = 60_000
const HOUR = 60 * MINUTE
const UIDS = new Map([
  ['alice', 1000],
  ['bob', 1001],
])

interface Texts {
  readonly gpus?: readonly (string | null)[]
  readonly history?: readonly string[]
  readonly queue?: readonly (string | null)[]
}

function taken({ gpus = [], history = [], queue = [] }: Texts) {
  return takeOver(readOriginal({ provider: 'nvidia', gpus, history, queue }), {
    ...{ host: 'box', now: NOW, uidOf: (name) => UIDS.get(name), idOf: (text) => `id of ${text}` },
  })
}

test('a manual reservation keeps its owner, GPUs, note and end', () => {
  const hold = { kind: 'manual', start: NOW - HOUR, expiry: NOW + HOUR, note: 'paper' } as const
  const { taken: made, running } = taken({ gpus: [luaHold(hold), null, luaHold(hold)] })
  expect(made.reservations).toMatchObject([
    {
      owner: { account: { uid: 1000, name: 'alice' }, shownName: 'alice' },
      holdings: [{ unit: '0' }, { unit: '2' }],
      ...{ startedAt: NOW - HOUR, note: 'paper', term: { kind: 'manual', expiresAt: NOW + HOUR } },
    },
  ])
  expect([running, made.records]).toEqual([[], []])
})

test('a run that is alive becomes a manual reservation of 8 hours', () => {
  const { taken: made, running } = taken({
    gpus: [goHold({ kind: 'run', start: NOW - HOUR, heartbeat: NOW - MINUTE })],
  })
  const [reservation] = made.reservations
  expect(reservation?.term).toEqual({ kind: 'manual', expiresAt: NOW + 8 * HOUR })
  expect(running).toEqual([reservation?.id ?? 'none'])
})

test('reservations that have ended become usage records', () => {
  const { taken: made } = taken({
    gpus: [
      luaHold({ kind: 'manual', start: NOW - 3 * HOUR, expiry: NOW - HOUR }),
      luaHold({ kind: 'run', start: NOW - 2 * HOUR, heartbeat: NOW - 5 * MINUTE, user: 'bob' }),
    ],
  })
  expect(made.reservations).toEqual([])
  expect(made.records).toMatchObject([
    { unit: '0', term: 'manual', outcome: 'expired', startedAt: NOW - 3 * HOUR, endedAt: NOW - HOUR },
    { unit: '1', term: 'run', outcome: 'vanished', endedAt: NOW - 5 * MINUTE, owner: { shownName: 'bob' } },
  ])
  expect(made.lastUses).toEqual([
    { unit: '0', uid: 1000, endedAt: NOW - HOUR },
    { unit: '1', uid: 1001, endedAt: NOW - 5 * MINUTE },
  ])
})

test('a user without an account is named, and holds nothing', () => {
  const { taken: made, ownerless } = taken({
    gpus: [luaHold({ kind: 'manual', start: NOW, expiry: NOW + HOUR, user: 'zoe' })],
  })
  expect(made.reservations).toEqual([])
  expect(ownerless).toEqual([{ user: 'zoe', account: 'zoe', units: ['0'] }])
})

test('records of one start are one reservation, but each GPU occurs in it once', () => {
  const start = NOW - HOUR
  const { taken: made } = taken({
    history: [
      goRecord({ gpu: 0, start, end: start + 1_000 }),
      goRecord({ gpu: 1, start, end: start + 1_000 }),
      goRecord({ gpu: 0, start, end: start + 2_000 }),
      goRecord({ gpu: 0, start, end: start + 2_000, user: 'zoe' }),
    ],
  })
  const ids = made.records.map(({ reservation }) => reservation)
  expect(ids[0]).toBe(ids[1] ?? 'none')
  expect(new Set(ids).size).toBe(3)
  expect(made.records.map(({ owner }) => owner.account.uid)).toEqual([1000, 1000, 1000, 65_534])
})

test('runs that start together are several; a run that collected its GPUs one by one is one', () => {
  const [before, after] = ['.372177993+01:00","', '.372177994+01:00","']
  const run = (start: number) => goHold({ kind: 'run', start, heartbeat: NOW })
  const { taken: made } = taken({
    gpus: [run(NOW - HOUR), run(NOW - HOUR).replace(`${before}type`, `${after}type`), run(NOW - MINUTE)],
    history: [
      goRecord({ gpu: 0, start: NOW - HOUR, end: NOW - MINUTE }),
      goRecord({ gpu: 1, start: NOW - HOUR, end: NOW - MINUTE }).replace(`${before}dur`, `${after}dur`),
    ],
  })
  expect(made.reservations).toMatchObject([
    { holdings: [{ unit: '0' }, { unit: '2' }], startedAt: NOW - HOUR + 372 },
    { holdings: [{ unit: '1' }] },
  ])
  expect(new Set(made.records.map(({ reservation }) => reservation)).size).toBe(2)
})

test('a request whose process has gone does not wait', () => {
  const { waiting } = taken({ queue: [goEntry(NOW - MINUTE), goEntry(NOW - 3 * MINUTE)] })
  expect(waiting).toBe(1)
})

test('a record that ends in the future is not taken over', () => {
  const { taken: made, unreadable } = taken({
    history: [goRecord({ gpu: 0, start: NOW, end: NOW + HOUR }), 'not json'],
  })
  expect([made.records, unreadable]).toEqual([[], 2])
})

test('the last use of a GPU is its last release or record', () => {
  const { taken: made } = taken({
    gpus: [goReleased(NOW - HOUR), goReleased(NOW - HOUR), null],
    history: [goRecord({ gpu: 1, start: NOW - HOUR, end: NOW - MINUTE, user: 'bob' })],
  })
  expect(made.lastUses.map(({ unit, uid }) => [unit, uid])).toEqual([
    ['0', 65_534],
    ['1', 1001],
  ])
})

test('names all accounts', () => {
  const gpus = [luaHold({ kind: 'run', start: NOW, heartbeat: NOW, user: 'bob' })]
  const history = [goRecord({ gpu: 0, start: NOW - HOUR, end: NOW, user: 'zoe' })]
  const original = readOriginal({ provider: null, gpus, history, queue: [] })
  expect([...namesIn(original)].sort()).toEqual(['bob', 'zoe'])
})
