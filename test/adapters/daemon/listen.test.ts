import { afterEach, expect, test } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ClientLimits } from '../../../src/adapters/daemon/client-socket.ts'
import { connectToDaemon } from '../../../src/adapters/daemon/connect.ts'
import { listenAt } from '../../../src/adapters/daemon/listen.ts'
import type { ClientConnection, Listener } from '../../../src/ports/daemon-listener.ts'
import { until } from '../../support/until.ts'

const REFUSAL = '{"error":"no"}'
const kernel = new URL('../../../src/adapters/kernel', import.meta.url).pathname
let folder = ''
let listener: Listener | undefined
afterEach(() => {
  listener?.close()
  rmSync(folder, { recursive: true, force: true })
})

/** A listener that keeps its connections and messages. */
function listening(
  { mostConnections = 1_000, ...limits }: Partial<ClientLimits> & { readonly mostConnections?: number },
  received: (connection: ClientConnection) => void = () => {},
) {
  folder = mkdtempSync(join(tmpdir(), 'canhazgpu-listen-'))
  const path = join(folder, 'daemon.sock')
  const connections: ClientConnection[] = []
  const messages: string[] = []
  let closed = 0
  listener = listenAt({
    ...{ path, mostConnections },
    limits: { longestMessage: 64, ...limits },
    handler: {
      refusal: REFUSAL,
      opened(connection) {
        connections.push(connection)
        const receive = (message: string) => {
          messages.push(message)
          received(connection)
        }
        return { receive, closed: () => void closed++ }
      },
    },
  })
  return { path, connections, messages, closed: () => closed }
}

/** A client that keeps its end of the connection open. */
async function clientOf(path: string) {
  let received = ''
  let isClosed = false
  const socket = await Bun.connect<undefined>({
    unix: path,
    allowHalfOpen: true,
    socket: {
      data: (_, bytes) => {
        received += bytes.toString()
      },
      end: () => {
        isClosed = true
      },
      close: () => {
        isClosed = true
      },
    },
  })
  return { socket, received: () => received, isClosed: () => isClosed }
}

test('half a message is not waited for, and bytes one by one do not prolong the time', async () => {
  const { path, messages, closed } = listening({ messageWithinMs: 100 })
  const whole = await clientOf(path)
  const half = await clientOf(path)
  whole.socket.write('a message\n')
  half.socket.write('half')
  const drip = setInterval(() => half.socket.write('.'), 20)
  await until('it is closed', () => half.isClosed())
  clearInterval(drip)
  expect([messages, closed(), whole.isClosed()]).toEqual([['a message'], 1, false])
})

test('a message that is too long ends the connection', async () => {
  const { path, messages, closed } = listening({ longestMessage: 64 })
  const client = await clientOf(path)
  client.socket.write(`${'x'.repeat(64)}\n`)
  await until('the first message has arrived', () => messages.length === 1)
  client.socket.write('y'.repeat(65))
  await until('it is closed', () => client.isClosed())
  expect([messages, closed()]).toEqual([['x'.repeat(64)], 1])
})

test('a client that reads nothing is disconnected, also if new messages arrive all the time', async () => {
  const { path, connections, closed } = listening({ readWithinMs: 100 })
  const client = await clientOf(path)
  client.socket.pause()
  await until('it is connected', () => connections.length === 1)
  connections[0]?.send('x'.repeat(4 * 1024 * 1024))
  const more = setInterval(() => connections[0]?.send('more'), 20)
  await until('it is closed', () => closed() === 1)
  clearInterval(more)
})

test('the unread messages of all connections of an account are limited together', async () => {
  const { path, connections, closed } = listening({})
  const clients = await Promise.all(Array.from({ length: 4 }, () => clientOf(path)))
  for (const { socket } of clients) socket.pause()
  await until('all are connected', () => connections.length === 4)
  const large = 'x'.repeat(12 * 1024 * 1024)
  for (const connection of connections) connection.send(large)
  await until('some are closed', () => closed() > 0)
  expect(closed()).toBe(2)
})

test('the incomplete messages of all connections of an account are limited together', async () => {
  const { path, connections, closed } = listening({ longestMessage: 1024 * 1024 })
  const clients = await Promise.all(Array.from({ length: 8 }, () => clientOf(path)))
  await until('all are connected', () => connections.length === 8)
  for (const { socket, isClosed } of clients) {
    let left = Buffer.alloc(768 * 1024, 'x')
    while (left.length > 0 && !isClosed()) {
      left = left.subarray(Math.max(0, socket.write(left)))
      await new Promise((resolve) => setImmediate(resolve))
    }
  }
  await until('some are closed', () => closed() === 3)
  // 4 MiB are allowed.
  expect(clients.filter(({ isClosed }) => !isClosed()).length).toBe(5)
})

test('what follows the last message of a connection is not read', async () => {
  const { path, connections, messages } = listening({}, (connection) => connection.end('no'))
  const client = await clientOf(path)
  client.socket.write('one\ntwo\nthree\n')
  await until('it is closed', () => client.isClosed())
  expect([connections.length, messages]).toEqual([1, ['one']])
})

test('a refused client gets the message, and holds no connection open', async () => {
  const { path, connections } = listening({ mostConnections: 0 })
  const client = await connectToDaemon(path)
  expect([await client.receive(), await client.receive(), connections.length]).toEqual([REFUSAL, null, 0])
})

test('the last message arrives although the connection is closed at once', async () => {
  const { path, connections, closed } = listening({})
  const client = await clientOf(path)
  client.socket.write('unread requests\n'.repeat(10))
  await until('it is connected', () => connections.length === 1)
  connections[0]?.end('the last one')
  await until('it is closed', () => client.isClosed())
  expect([client.received(), closed()]).toEqual(['the last one\n', 1])
})

test('one iteration of the event loop opens a few of many connections, and the others after it', async () => {
  const { path, connections } = listening({})
  let before = 0
  let most = 0
  const iterate = () => {
    most = Math.max(most, connections.length - before)
    before = connections.length
    if (before < 300) setImmediate(iterate)
  }
  setImmediate(iterate)
  await Promise.all(Array.from({ length: 300 }, () => clientOf(path)))
  await until('all are connected', () => connections.length === 300)
  expect(most).toBeLessThanOrEqual(8)
})

test('a process that ends before its connection is opened leaves nothing behind', async () => {
  const { path, connections } = listening({ mostConnections: 1 })
  // A child of the process keeps the connection open.
  const connect = `const { connectToPath } = await import('${kernel}/unix-socket.ts')
    const child = Bun.spawn(['sleep', '60'], { stdio: ['ignore', connectToPath('${path}', 1000), 'ignore'] })
    console.log(child.pid)
    process.exit()`
  // No event is handled here until it has ended.
  const { stdout } = Bun.spawnSync([process.execPath, '-e', connect])
  await until('another one has its place', async () => {
    await clientOf(path).catch(() => {})
    return connections.length === 1
  })
  process.kill(Number(stdout), 'SIGKILL')
  expect(connections[0]?.peer.process?.pid).toBe(process.pid)
})

test('what is sent soon arrives before the next message, or alone', async () => {
  let count = 0
  const { path } = listening({}, (connection) => {
    connection.sendSoon(`soon ${++count}`)
    if (count === 2) connection.send('now')
    if (count === 3) {
      connection.flush()
      connection.end('last')
    }
  })
  const client = await clientOf(path)
  client.socket.write('first\n')
  await until('it arrives alone', () => client.received() === 'soon 1\n')
  client.socket.write('second\n')
  await until('both arrive', () => client.received() === 'soon 1\nsoon 2\nnow\n')
  client.socket.write('third\n')
  await until('it has closed', client.isClosed)
  expect(client.received()).toBe('soon 1\nsoon 2\nnow\nsoon 3\nlast\n')
})
