import { describe, expect, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import { type Connection, connectionLimit, superfluous } from '../../../src/web/access/connection-limit.ts'
import { type TestPool, testPool } from '../../support/pool.ts'
import { until } from '../../support/until.ts'
import { must } from '../busy-pool.ts'
import { openEvents } from '../live/event-stream.ts'
import { served, type TestServer } from '../web-server.ts'

const LIMIT = 128

/** Starts a server with `LIMIT` descriptors. */
function startWithFewDescriptors(pool: TestPool): Promise<TestServer> {
  const script = `ulimit -n ${LIMIT}; exec "$CHG" web --host 127.0.0.1 --port 0`
  const child = Bun.spawn(['sh', '-c', script], {
    env: pool.env,
    stdin: 'ignore',
    stdout: 'pipe',
    stderr: 'pipe',
  })
  return served(child)
}

const SENT = ['', 'GET / HTTP/1.1\r\nHost: lo', 'GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n'] as const

for (const sent of SENT) {
  const what = sent === '' ? 'nothing' : JSON.stringify(sent.slice(0, 20))
  test.concurrent(`with more connections than descriptors, each of which sent ${what}, open pages stay, new requests are served, and the server does not spin`, async () => {
    using pool = await testPool(1)
    const server = await startWithFewDescriptors(pool)
    await using events = await openEvents(server)
    await events.until(() => true)
    const connections = await Promise.all(
      Array.from({ length: 4 * LIMIT }, () => openConnection(server.port, sent)),
    )
    try {
      await until(
        'the server answers',
        async () => (await server.get('/healthz').catch(() => null))?.status === 200,
      )
      await must(pool, 'reserve', '--note', 'made meanwhile')
      await events.until(({ status }) => status[0]?.note === 'made meanwhile')
      const before = cpuSeconds(server.child.pid)
      for (let pings = 0; pings < 2; ) if ((await events.next())?.event === 'ping') pings++
      // Two pings take four seconds: a busy loop would use four seconds of processor time.
      expect(cpuSeconds(server.child.pid) - before).toBeLessThan(1)
      expect((await server.get('/api/status')).status).toBe(200)
    } finally {
      for (const socket of connections) socket.end()
    }
    expect(await server.stop()).toEqual({ status: 0, stderr: '' })
  })
}

describe('if there are too many connections, half are closed:', () => {
  const connection = (parts: Partial<Connection>): Connection => ({
    descriptor: 0,
    port: 0,
    hasReceived: true,
    hasSent: true,
    idleMs: 100,
    ...parts,
  })
  const sentNothing = connection({ hasReceived: false, hasSent: false, idleMs: 5 })
  const unanswered = connection({ hasSent: false, idleMs: 9_000 })
  const idle = connection({ idleMs: 20_000 })
  const active = connection({ idleMs: 10 })

  test('first those that sent nothing, then those without an answer, then the idle ones', () => {
    const order = [sentNothing, unanswered, idle, active]
    for (let most = order.length; most > 0; most--) {
      const open = order.slice(order.length - most)
      expect(superfluous(open.toReversed())).toEqual(open.slice(0, Math.ceil(most / 2)))
    }
  })

  test('those idle for longest first', () => {
    const older = connection({ hasSent: false, idleMs: 9_001 })
    expect(superfluous([unanswered, older])).toEqual([older])
  })
})

test('some descriptors stay free for the pool and the driver', () => {
  expect(connectionLimit(64)).toBe(48)
  expect(connectionLimit(1_024)).toBe(960)
  expect(connectionLimit(1_048_576)).toBe(4_032)
})

function openConnection(port: number, sent: string): Promise<Bun.Socket> {
  const { promise, resolve, reject } = Promise.withResolvers<Bun.Socket>()
  Bun.connect({
    hostname: '127.0.0.1',
    port,
    socket: {
      open(socket) {
        socket.write(sent)
        resolve(socket)
      },
      data: () => {},
      error: () => {},
    },
  }).catch(reject)
  return promise
}

/** The processor time used by a process: utime and stime of proc_pid_stat(5), in hundredths of a second. */
function cpuSeconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ')[1]?.split(' ') ?? []
  return (Number(fields[11]) + Number(fields[12])) / 100
}
