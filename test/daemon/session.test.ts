import { expect, test } from 'bun:test'
import { Commands } from '../../src/daemon/commands.ts'
import { FairTurns } from '../../src/daemon/fair-turns.ts'
import { Session, type SessionParts } from '../../src/daemon/session.ts'
import { SlowTurns } from '../../src/daemon/slow-turns.ts'
import type { Waiters } from '../../src/daemon/waiters.ts'
import type { PoolService } from '../../src/ports/pool-service.ts'
import { until } from '../support/until.ts'

const ANN = { uid: 1000, name: 'ann' }
const caller = { threshold: null, probeTimeout: 1_000 }

const slow = () => new SlowTurns({ mostAtOnce: 1, mostPerAccount: 1 })

/** A session whose client has greeted. `changed` changes the pool. */
function session(given: Partial<SessionParts> = {}) {
  const sent: { n?: number; error?: unknown }[] = []
  const changes = new Set<() => void>()
  let isClosed = false
  const turns = new FairTurns({ mostAtOnce: 64, mostPerAccount: 2 })
  const inTurn: SessionParts['inTurn'] = (uid, task) => turns.add(uid, task)
  const opened = new Session({
    version: '1.0.0',
    connection: {
      peer: { uid: ANN.uid, countedAs: ANN.uid, groups: [], process: null },
      send: (message) => void sent.push(JSON.parse(message)),
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
    hasEnded: async () => false,
    ...{ inTurn, soon: inTurn, historyTurns: slow(), queueTurns: slow() },
    onChange(changed) {
      changes.add(changed)
      return () => changes.delete(changed)
    },
    isStopping: () => false,
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
