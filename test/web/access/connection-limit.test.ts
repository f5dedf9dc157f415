import { describe, expect, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import { type Connection, connectionLimit, superfluous } from '../../../src/web/access/connection-limit.ts'
import { type TestPool, testPool } from '../../support/pool.ts'
import { until } from '../../support/until.ts'
import { must } from '../busy-pool.ts'
import { openEvents } from '../live/event-stream.ts'
import { served, type TestServer } from '../web-server.ts'

const LIMIT = 128

/** A server with fewer descriptors than connections. */
function startSmall(pool: TestPool): Promise<TestServer> {
  const script = `ulimit -n ${LIMIT}; exec "$CHG" web --host 127.0.0.1 --port 0`
  const child = Bun.spawn(['sh', '-c', script], {
    env: pool.env,
    stdin: 'ignore',
    stdout: 'pipe',
    stderr: 'pipe',
  })
  return served(child)
}

const BEGINNINGS = [
  '',
  'GET / HTTP/1.1\r\nHost: lo',
  'GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n',
] as const

for (const beginning of BEGINNINGS) {
  const what = beginning === '' ? 'nothing' : JSON.stringify(beginning.slice(0, 20))
  test.concurrent(`more connections than descriptors, each sent ${what}: pages stay, others are served, nothing spins`, async () => {
    using pool = await testPool(1)
    const server = await startSmall(pool)
    await using events = await openEvents(server)
    await events.until(() => true)
    const crowd = await Promise.all(
      Array.from({ length: 4 * LIMIT }, () => openConnection(server.port, beginning)),
    )
    try {
      await until('it answers', async () => (await server.get('/healthz').catch(() => null))?.status === 200)
      await must(pool, 'reserve', '--note', 'in spite of them')
      await events.until(({ status }) => status[0]?.note === 'in spite of them')
      const before = cpuSeconds(server.child.pid)
      for (let pings = 0; pings < 2; ) if ((await events.next())?.event === 'ping') pings++
      // Two pings take four seconds: a busy loop would use four seconds of processor time.
      expect(cpuSeconds(server.child.pid) - before).toBeLessThan(1)
      expect((await server.get('/api/status')).status).toBe(200)
    } finally {
      for (const socket of crowd) socket.end()
    }
    expect(await server.stop()).toEqual({ status: 0, stderr: '' })
  })
}

describe('when there are too many connections, half are closed:', () => {
  const connection = (parts: Partial<Connection>): Connection => ({
    descriptor: 0,
    port: 0,
    hasReceived: true,
    hasSent: true,
    idleMs: 100,
    ...parts,
  })
  const silent = connection({ hasReceived: false, hasSent: false, idleMs: 5 })
  const half = connection({ hasSent: false, idleMs: 9_000 })
  const idle = connection({ idleMs: 20_000 })
  const fresh = connection({ idleMs: 10 })

  test('those that sent nothing, then those without a whole request, then the idle', () => {
    const order = [silent, half, idle, fresh]
    for (let most = order.length; most > 0; most--) {
      const open = order.slice(order.length - most)
      expect(superfluous(open.toReversed())).toEqual(open.slice(0, Math.ceil(most / 2)))
    }
  })

  test('the longest idle first', () => {
    const older = connection({ hasSent: false, idleMs: 9_001 })
    expect(superfluous([half, older])).toEqual([older])
  })
})

test('some descriptors are kept for the pool and the driver', () => {
  expect(connectionLimit(64)).toBe(48)
  expect(connectionLimit(1_024)).toBe(960)
  expect(connectionLimit(1_048_576)).toBe(4_032)
})

function openConnection(port: number, beginning: string): Promise<Bun.Socket> {
  const { promise, resolve, reject } = Promise.withResolvers<Bun.Socket>()
  Bun.connect({
    hostname: '127.0.0.1',
    port,
    socket: {
      open(socket) {
        socket.write(beginning)
        resolve(socket)
      },
      data: () => {},
      error: () => {},
    },
  }).catch(reject)
  return promise
}

/** utime and stime of proc_pid_stat(5), in hundredths on Linux. */
function cpuSeconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ')[1]?.split(' ') ?? []
  return (Number(fields[11]) + Number(fields[12])) / 100
}
