import { afterEach, beforeEach, expect, jest, test } from 'bun:test'
import { DaemonPool } from '../../../src/app/remote/daemon-pool.ts'
import type { Intent } from '../../../src/domain/operation/intent.ts'
import type { Operation, PoolOperationName } from '../../../src/domain/operation/operation.ts'
import type { Millis } from '../../../src/domain/pool/model.ts'
import { ConnectionFailed } from '../../../src/ports/daemon-connection.ts'

const setImmediateOfRuntime = setImmediate
let now = 0

beforeEach(() => {
  now = 0
  jest.useFakeTimers()
})
afterEach(() => {
  jest.clearAllTimers()
  jest.useRealTimers()
})

/**
 * A daemon that answers greetings until it is stopped, and no request unless it `grants`. The first request may kill it;
 * another one follows. It is down while `isDown`.
 */
function silentDaemon() {
  const daemon = {
    ...{ isStopped: false, diesNext: false, isDown: false, grants: false },
    ...{ connections: 0, requests: [] as string[], kill: () => {}, greetings: () => {} },
  }
  const answerTo = (ask: string): unknown => {
    if (!daemon.grants) return undefined
    if (ask === 'keep') return null
    return ask === 'view' ? { pool: { reservations: [{ id: INTENT.id }] } } : { reservation: INTENT }
  }
  const connect = async () => {
    if (daemon.isDown) throw new ConnectionFailed('connection refused')
    daemon.connections++
    const messages: (string | null)[] = []
    let wake = () => {}
    let unanswered = 0
    // What a daemon that was stopped does first.
    daemon.greetings = () => {
      for (; unanswered > 0; unanswered--) put('{"protocol":1}')
    }
    const put = (message: string | null) => {
      messages.push(message)
      wake()
    }
    daemon.kill = () => {
      daemon.isDown = true
      put(null)
    }
    return {
      isOpen: true,
      send(...sent: readonly string[]) {
        for (const message of sent) {
          const { ask, n }: { n?: number; ask?: string } = JSON.parse(message)
          if (ask !== undefined) {
            daemon.requests.push(ask)
            if (daemon.diesNext) put(null)
            daemon.diesNext = false
            const answer = answerTo(ask)
            if (!daemon.isStopped && answer !== undefined) put(JSON.stringify({ n, answer }))
          } else if (daemon.isStopped) unanswered++
          else put('{"protocol":1}')
        }
      },
      receiveSoon: () => undefined,
      async receive() {
        while (messages.length === 0) {
          await new Promise<void>((resolve) => {
            wake = resolve
          })
        }
        return messages.shift() ?? null
      },
      close: () => put(null),
    }
  }
  const pool = new DaemonPool({
    ...{ socket: '/run/s', connect, clock: () => now, warn: () => {} },
    caller: { threshold: null, probeTimeout: 10_000 },
  })
  return { daemon, pool }
}

async function pass(seconds: number): Promise<void> {
  for (let passed = 0; passed < seconds * 10; passed++) {
    await new Promise<void>((resolve) => setImmediateOfRuntime(resolve))
    now += 100
    jest.advanceTimersByTime(100)
  }
  await new Promise<void>((resolve) => setImmediateOfRuntime(resolve))
}

const perform = <Name extends PoolOperationName>(
  pool: DaemonPool,
  op: Name,
  others?: Omit<Operation<Name>, 'op'>,
) => {
  const asked = { error: undefined as unknown }
  pool.perform({ op, ...others } as Operation<Name>).catch((error: unknown) => {
    asked.error = error
  })
  return asked
}

test('a slow request is waited for while the daemon answers greetings', async () => {
  const { daemon, pool } = silentDaemon()
  const asked = perform(pool, 'settle')
  await pass(60)
  expect([asked.error, daemon.connections]).toEqual([undefined, 1])
})

test.each([
  ['settle', 'daemon-unavailable'],
  ['release', 'daemon-unavailable'],
] as const)('%s ends when the daemon is stopped in the middle of it', async (op, code) => {
  const { daemon, pool } = silentDaemon()
  const asked = perform(pool, op)
  await pass(1)
  daemon.isStopped = true
  await pass(16)
  expect(asked.error).toMatchObject({ code })
  expect(daemon.requests.filter((each) => each === 'perform')).toHaveLength(1)
})

test('the next daemon is asked again, unless the operation must not be performed twice', async () => {
  const requestsOf = async (...operation: readonly [PoolOperationName, object?]) => {
    const { daemon, pool } = silentDaemon()
    daemon.diesNext = true
    const [op, others] = operation
    perform(pool, op, others as never)
    await pass(2)
    return daemon.requests.filter((each) => each === 'perform').length
  }
  expect(await requestsOf('settle')).toBe(2)
  expect(await requestsOf('drain', { units: [] })).toBe(2)
  expect(await requestsOf('release')).toBe(1)
  expect(await requestsOf('extend', { by: 1_000 })).toBe(1)
  // The second answer, that there is no such booking, means that the first request ended it.
  expect(await requestsOf('cancel', { id: 'a' })).toBe(2)
})

test('a second request on the same connection ends when the daemon was stopped between them', async () => {
  const { daemon, pool } = silentDaemon()
  perform(pool, 'settle')
  await pass(7)
  daemon.isStopped = true
  const asked = perform(pool, 'settle')
  await pass(16)
  expect(asked.error).toMatchObject({ code: 'daemon-unavailable' })
})

test('a wait lasts as long as the daemon is stopped', async () => {
  const { daemon, pool } = silentDaemon()
  const { signal } = new AbortController()
  const account = { uid: 1_000, name: 'ann' }
  let error: unknown
  pool
    .wait({
      intent: {
        id: 'a',
        request: { kind: 'count', count: 1 },
        owner: { account, shownName: 'ann' },
        term: { kind: 'manual', duration: 1_000 },
      },
      onProgress: () => {},
      signal,
    })
    .catch((reason: unknown) => {
      error = reason
    })
  await pass(1)
  daemon.isStopped = true
  await pass(60)
  expect([error, daemon.connections]).toEqual([undefined, 1])
})

const INTENT: Intent = {
  id: 'a',
  request: { kind: 'count', count: 1 },
  owner: { account: { uid: 1000, name: 'ann' }, shownName: 'ann' },
  term: { kind: 'manual', duration: 60_000 },
}

function wait(pool: DaemonPool, limit: { readonly waitFor?: Millis } = {}) {
  const waiting = { error: undefined as unknown, outages: [] as Millis[] }
  const { signal } = new AbortController()
  pool
    .wait({
      ...{ intent: INTENT, signal, ...limit, onProgress: () => {} },
      onAway: (ms) => void waiting.outages.push(now - ms),
    })
    .catch((error: unknown) => {
      waiting.error = error
    })
  return waiting
}

test('a waiter that the daemon has received waits for the next daemon, however long it takes', async () => {
  const { daemon, pool } = silentDaemon()
  const waiting = wait(pool)
  await pass(1)
  daemon.kill()
  await pass(600)
  expect(waiting.error).toBeUndefined()
  daemon.isDown = false
  await pass(2)
  expect([waiting.error, daemon.requests]).toEqual([undefined, ['wait', 'wait']])
})

test('it is told of each long outage once, with its begin', async () => {
  const { daemon, pool } = silentDaemon()
  const waiting = wait(pool)
  for (let outages = 0; outages < 2; outages++) {
    await pass(3_600)
    daemon.kill()
    await pass(4)
    expect(waiting.outages).toHaveLength(outages)
    await pass(60)
    expect(waiting.outages).toHaveLength(outages + 1)
    daemon.isDown = false
    await pass(2)
  }
  const [first = 0, second = 0] = waiting.outages
  expect(first).toBeWithin(3_600_000, 3_600_300)
  expect(second).toBeWithin(first + 3_660_000, first + 3_670_000)
})

test('its time limit ends it in an outage too', async () => {
  const { daemon, pool } = silentDaemon()
  const waiting = wait(pool, { waitFor: 60_000 })
  await pass(1)
  daemon.kill()
  await pass(57)
  expect(waiting.error).toBeUndefined()
  await pass(3)
  expect(waiting.error).toMatchObject({ code: 'daemon-unavailable' })
})

test('a waiter that has reached no daemon gives up after five seconds', async () => {
  const { daemon, pool } = silentDaemon()
  daemon.isDown = true
  const waiting = wait(pool)
  await pass(4)
  expect(waiting.error).toBeUndefined()
  await pass(2)
  expect(waiting.error).toMatchObject({ code: 'daemon-unavailable' })
  expect(waiting.outages).toEqual([])
})

function keep(pool: DaemonPool) {
  const keeping = { hasEnded: false, error: undefined as unknown, outages: 0, abort: new AbortController() }
  pool.keep(INTENT.id, { signal: keeping.abort.signal, onAway: () => void keeping.outages++ }).then(
    () => {
      keeping.hasEnded = true
    },
    (error: unknown) => {
      keeping.error = error
    },
  )
  return keeping
}

async function granted() {
  const { daemon, pool } = silentDaemon()
  daemon.grants = true
  wait(pool)
  await pass(1)
  expect(daemon.requests).toEqual(['wait'])
  return { daemon, pool }
}

test('a daemon that is stopped after a grant keeps the connection, whose end would end the reservation', async () => {
  const { daemon, pool } = await granted()
  daemon.isStopped = true
  const keeping = keep(pool)
  await pass(60)
  expect([keeping.error, daemon.connections, keeping.outages]).toEqual([undefined, 1, 1])
  daemon.kill()
  await pass(600)
  ;[daemon.isDown, daemon.isStopped] = [false, false]
  await pass(2)
  expect([keeping.error, keeping.hasEnded]).toEqual([undefined, true])
  expect(daemon.requests).toEqual(['wait', 'keep', 'keep', 'view'])
})

test('an interruption ends the confirmation of a grant at once', async () => {
  const { daemon, pool } = await granted()
  daemon.isStopped = true
  const keeping = keep(pool)
  await pass(7)
  keeping.abort.abort()
  await pass(1)
  expect(keeping.hasEnded).toBe(true)
})

test('a waiter in the queue keeps its new connection to a daemon that is slow to answer', async () => {
  const { daemon, pool } = silentDaemon()
  const waiting = wait(pool)
  await pass(1)
  daemon.kill()
  ;[daemon.isDown, daemon.isStopped] = [false, true]
  await pass(60)
  expect([waiting.error, daemon.connections, waiting.outages.length]).toEqual([undefined, 2, 1])
})

test('a client that did not run itself reads the answer that has arrived meanwhile', async () => {
  const { daemon, pool } = silentDaemon()
  daemon.isStopped = true
  const asked = perform(pool, 'settle')
  await pass(1)
  now += 60_000
  // Its timer is due before it reads.
  jest.advanceTimersByTime(4_000)
  daemon.isStopped = false
  daemon.greetings()
  await pass(1)
  expect([asked.error, daemon.connections]).toEqual([undefined, 1])
})
