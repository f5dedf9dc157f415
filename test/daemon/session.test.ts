import { expect, test } from 'bun:test'
import { Commands } from '../../src/daemon/commands.ts'
import { DecisionRates } from '../../src/daemon/decision-rates.ts'
import { FairTurns } from '../../src/daemon/fair-turns.ts'
import { RecordRates } from '../../src/daemon/record-rates.ts'
import { Session } from '../../src/daemon/session.ts'
import type { SessionParts } from '../../src/daemon/session-parts.ts'
import { SlowTurns } from '../../src/daemon/slow-turns.ts'
import type { Waiter, Waiters } from '../../src/daemon/waiters.ts'
import type { Grant } from '../../src/domain/operation/intent.ts'
import type { ProcessIdentity, Reservation } from '../../src/domain/pool/model.ts'
import type { PoolService } from '../../src/ports/pool-service.ts'
import { until } from '../support/until.ts'

const ANN = { uid: 1000, name: 'ann' }
const PROCESS: ProcessIdentity = { pid: 7, startTime: 1, bootId: 'boot', pidNamespace: 'pids' }
const caller = { threshold: null, probeTimeout: 1_000 }

const slow = () => new SlowTurns({ mostAtOnce: 1, mostPerAccount: 1, clock: () => 0, rests: false })

/** A session whose client has greeted. `changed` changes the pool. */
function session(given: Partial<SessionParts> = {}, process: ProcessIdentity | null = null) {
  const sent: { n?: number; error?: unknown }[] = []
  const changes = new Set<() => void>()
  let isClosed = false
  let flushes = 0
  const turns = new FairTurns({ mostAtOnce: 64, mostPerAccount: 2, clock: () => 0 })
  const inTurn: SessionParts['inTurn'] = (uid, task) => turns.add(uid, task)
  const pacedTurns = new FairTurns({ mostAtOnce: 64, mostPerAccount: 1, clock: () => 0 })
  const paced: SessionParts['inTurn'] = (uid, task) => pacedTurns.add(uid, task)
  const opened = new Session({
    version: '1.0.0',
    connection: {
      peer: { uid: ANN.uid, countedAs: ANN.uid, groups: [], process },
      send: (message) => void sent.push(JSON.parse(message)),
      sendSoon: (message) => void sent.push(JSON.parse(message)),
      flush: () => void flushes++,
      end(message) {
        sent.push(JSON.parse(message))
        isClosed = true
      },
    },
    waiters: {} as Waiters,
    commands: new Commands({ stderrOf: () => null, alive: () => 'alive', tell: () => {} }),
    identify: async () => ({ account: ANN, groups: [] }),
    mayAdminister: () => false,
    administrationFor: () => {
      throw new Error('not used')
    },
    serviceFor: () => ({ view: async () => 'viewed' }) as unknown as PoolService,
    isGone: () => false,
    history: async () => '"answered"',
    serveCommand: async () => null,
    hasEnded: async () => false,
    ...{ recordRates: new RecordRates(() => 0), decisionRates: new DecisionRates(() => 0) },
    ...{ inTurn, soon: inTurn, paced, historyTurns: slow(), queueTurns: slow() },
    onChange(changed) {
      changes.add(changed)
      return () => changes.delete(changed)
    },
    failed(error) {
      throw error
    },
    ...given,
  })
  const ask = (n: number, request: object) => opened.receive(JSON.stringify({ n, ...request }))
  opened.receive('{"protocol":1}')
  return {
    ...{ sent, ask, opened },
    isClosed: () => isClosed,
    flushes: () => flushes,
    changed: () => {
      for (const each of changes) each()
    },
  }
}

const settled = () => new Promise((resolve) => setImmediate(resolve))

test('a question about the history delays no other request of its account', async () => {
  const { ask, sent } = session({ history: () => new Promise(() => {}) })
  for (let n = 1; n <= 10; n++) ask(n, { ask: 'usage', question: { kind: 'report', days: 30 } })
  ask(11, { ask: 'view', view: 'status', caller })
  await until('there is an answer', () => sent.length > 1)
  expect(sent.slice(1)).toEqual([{ answer: 'viewed', n: 11 }] as object[])
})

test('a question about the queue delays no other request of its account', async () => {
  const view = (name: string) => (name === 'queue' ? new Promise(() => {}) : Promise.resolve('viewed'))
  const { ask, sent } = session({ serviceFor: () => ({ view }) as unknown as PoolService })
  for (let n = 1; n <= 10; n++) ask(n, { ask: 'view', view: 'queue', caller })
  ask(11, { ask: 'view', view: 'status', caller })
  await until('there is an answer', () => sent.length > 1)
  expect(sent.slice(1)).toEqual([{ answer: 'viewed', n: 11 }] as object[])
})

test('greetings wait for their turn, and not for requests', async () => {
  const waiting: (() => Promise<void>)[] = []
  const { ask, sent, opened } = session({
    inTurn: () => true,
    soon: (_uid, { perform }) => waiting.push(perform) > 0,
  })
  ask(1, { ask: 'view', view: 'status', caller })
  for (let greetings = 0; greetings < 3; greetings++) opened.receive('{"protocol":1}')
  expect(sent.length).toBe(1)
  for (const greet of waiting) await greet()
  expect(sent).toEqual(Array(4).fill({ protocol: 1, version: '1.0.0' }))
})

test('a client with too many unanswered greetings is disconnected', () => {
  const { opened, sent, isClosed } = session({ soon: () => true })
  for (let greetings = 0; greetings < 64; greetings++) opened.receive('{"protocol":1}')
  expect(isClosed()).toBe(false)
  for (let greetings = 0; greetings < 1_000; greetings++) opened.receive('{"protocol":1}')
  expect([isClosed(), sent.length]).toEqual([true, 2])
})

test('an account that was granted GPUs too often waits for the next ones, and for nothing else', async () => {
  const reservation = {
    ...{ id: 'a', startedAt: 0, owner: { account: ANN, shownName: 'ann' } },
    ...{ holdings: Array(10_000).fill({ unit: '0', share: { kind: 'whole' } }) },
    term: { kind: 'manual', expiresAt: 1 },
  }
  let now = 0
  const recordRates = new RecordRates(() => now)
  const service = {
    view: async () => 'viewed',
    perform: async () => ({ kind: 'granted', grant: { reservation } }),
  }
  const { ask, sent } = session({ recordRates, serviceFor: () => service as unknown as PoolService })
  const intent = {
    id: 'a',
    request: { kind: 'count', count: 1 },
    owner: reservation.owner,
    term: { kind: 'manual', duration: 1 },
  }
  const order = () => sent.flatMap(({ n }) => n ?? [])
  for (const n of [1, 2]) ask(n, { ask: 'perform', operation: { op: 'acquire', intent }, caller })
  await until('both are granted', () => order().length === 2)
  // Most of the delay has passed.
  now = (2 * 10_000 * 103 - 2_000_000) / 0.5 - 50
  // More than the account may have in progress.
  for (const n of [3, 4, 5]) ask(n, { ask: 'perform', operation: { op: 'acquire', intent }, caller })
  ask(6, { ask: 'view', view: 'status', caller })
  await until('those that need not wait are answered', () => order().length === 4)
  // The next one waits for the time of this one too.
  expect(order()).toEqual([1, 2, 6, 3])
})

test('a client that waits is greeted before it is in the queue', async () => {
  const seen: number[] = []
  const waiters = { join: async () => void seen.push(flushes()) } as unknown as Waiters
  const { ask, flushes } = session({ waiters }, PROCESS)
  ask(1, { ask: 'view', view: 'status', caller })
  expect(flushes()).toBe(0)
  const owner = { account: ANN, shownName: 'ann' }
  const intent = {
    id: 'a',
    request: { kind: 'count', count: 1 },
    owner,
    term: { kind: 'manual', duration: 1 },
  }
  ask(2, { ask: 'wait', intent, caller })
  await until('it joins', () => seen.length > 0)
  expect(seen).toEqual([1])
})

test('a reserve that the daemon performs waits for its account too, and a status does not', async () => {
  const recordRates = { delayOf: () => 20 } as unknown as RecordRates
  const { ask, sent } = session({ recordRates })
  const display = { terminal: false, color: false, columns: null }
  const command = {
    ...{ version: '1.0.0', id: 'a', timeZone: 'none', machineConfiguration: null, machineStore: null },
    ...{ stdout: display, stderr: display },
  }
  ask(1, { ask: 'command', command: { ...command, words: ['reserve'] } })
  ask(2, { ask: 'command', command: { ...command, words: ['status'] } })
  await until('both are answered', () => sent.some(({ n }) => n === 1))
  expect(sent.flatMap(({ n }) => n ?? [])).toEqual([2, 1])
})

test('the requests that wait because their account was granted GPUs too often are limited by their size', async () => {
  const recordRates = new RecordRates(() => 0)
  const holdings = Array(100_000).fill({ unit: '0', share: { kind: 'whole' } })
  recordRates.granted(ANN.uid, { holdings, owner: { shownName: 'ann' } } as unknown as Reservation)
  const intent = {
    ...{ id: 'a', request: { kind: 'count', count: 1 }, owner: { account: ANN, shownName: 'ann' } },
    term: { kind: 'run', process: PROCESS, command: 'x'.repeat(4_000) },
  }
  const turns = new FairTurns({ mostAtOnce: 64, mostPerAccount: 2, clock: () => 0 })
  const paced: SessionParts['inTurn'] = (uid, task) => turns.add(uid, task)
  let refused = 0
  for (let opened = 0; opened < 20 && refused === 0; opened++) {
    const { ask, isClosed } = session({ recordRates, paced })
    for (let n = 1; n <= 64; n++) {
      ask(n, { ask: 'perform', operation: { op: 'acquire', intent }, caller })
      await settled()
    }
    if (isClosed()) refused++
  }
  expect(refused).toBe(1)
})

test('a connection watches the pool at most twice', async () => {
  const { ask, sent, changed, isClosed } = session()
  ask(1, { ask: 'watch' })
  ask(2, { ask: 'watch' })
  await settled()
  changed()
  expect(sent.slice(1)).toEqual([
    { changed: true, n: 1 },
    { changed: true, n: 2 },
  ] as object[])
  ask(3, { ask: 'watch' })
  await settled()
  expect(isClosed()).toBe(true)
})

test.each([
  ['has ended before its confirmation is read', true, 1],
  ['ends after it', false, 0],
] as const)(
  'a manual reservation of a waiter that %s: only an unconfirmed one is given back',
  async (_, isGone, times) => {
    const id = '00000000-0000-4000-8000-000000000001'
    let waiter: Waiter | undefined
    let givenBack = 0
    const waiters = {
      join: async (joined: Waiter) => {
        waiter = joined
      },
      keep: async () => {},
      giveBack: async () => void givenBack++,
    } as unknown as Waiters
    const { ask, sent, opened } = session({ waiters, isGone: () => isGone }, PROCESS)
    const owner = { account: ANN, shownName: 'ann' }
    const intent = {
      id,
      request: { kind: 'count', count: 1 },
      owner,
      term: { kind: 'manual', duration: 60_000 },
    }
    ask(1, { ask: 'wait', intent, caller })
    await until('it has joined', () => waiter !== undefined)
    const reservation = { id, owner, term: intent.term, holdings: [] }
    waiter?.finish({ reservation } as unknown as Grant)
    ask(2, { ask: 'keep', id })
    await until('it is answered', () => sent.some(({ n }) => n === 2))
    opened.closed()
    expect(givenBack).toBe(times)
  },
)
