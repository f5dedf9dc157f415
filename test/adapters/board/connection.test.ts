import { expect, test } from 'bun:test'
import { BoardConnection } from '../../../src/adapters/board/connection.ts'
import { CanhazgpuError } from '../../../src/domain/errors.ts'
import { needing } from '../../support/needs.ts'
import { boardServer, ENGINES, type RedisServer } from '../../support/redis.ts'

const DEADLINE = 200

const opened = (
  url: string,
  { deadline = 20_000, rest = 0, clock = (): number => 0 } = {},
): BoardConnection => new BoardConnection({ url, deadline, rest, clock })

const ping = (connection: BoardConnection): Promise<unknown> => connection.send('PING', [])

/** The message of the error with which it fails. */
async function failureOf(answer: Promise<unknown>): Promise<string> {
  const failure = await answer.then(
    (value) => new Error(`no failure: ${value}`),
    (error: unknown) => error,
  )
  if (failure instanceof CanhazgpuError && failure.code === 'board-unavailable') return failure.message
  throw failure
}

for (const { engine, program } of ENGINES)
  needing(program).describe(`a connection to ${engine}`, () => connectionTo(program))

function connectionTo(program: string): void {
  /** A server of its own for each test, because they stop and kill it. */
  const withServer = (title: string, body: (server: RedisServer) => Promise<void>) =>
    test(title, async () => {
      using server = await boardServer(program)
      await body(server)
    })

  withServer(
    'has a deadline for each command, and takes no late answer for that of another',
    async (server) => {
      const patient = opened(server.url)
      const hasty = opened(server.url, { deadline: DEADLINE })
      expect(await ping(hasty)).toBe('PONG')
      server.stop()
      expect(await failureOf(hasty.send('ECHO', ['late']))).toContain(`no answer within ${DEADLINE} ms`)
      expect(await failureOf(ping(hasty))).toContain('cannot be used')
      const waiting = ping(patient)
      server.resume()
      expect(await waiting).toBe('PONG')
      expect(await ping(hasty)).toBe('PONG')
      patient.close()
      hasty.close()
    },
  )

  withServer('fails at once while there is no server, and connects again by itself', async (server) => {
    const connection = opened(server.url)
    expect(await ping(connection)).toBe('PONG')
    await server.kill()
    // With the offline queue of the runtime this would wait for the server.
    expect(await failureOf(ping(connection))).toContain('nothing listens there')
    expect(await failureOf(ping(connection))).toContain('nothing listens there')
    await server.restart()
    expect(await ping(connection)).toBe('PONG')
    connection.close()
  })

  withServer('rests after a failure, and tries again after that', async (server) => {
    let now = 0
    const connection = opened(server.url, { rest: 5_000, clock: () => now })
    await server.kill()
    const first = await failureOf(ping(connection))
    await server.restart()
    now = 4_999
    expect(await failureOf(ping(connection))).toBe(first)
    now = 5_000
    expect(await ping(connection)).toBe('PONG')
    connection.close()
  })

  withServer('tells what the server refuses, and stays open', async (server) => {
    const connection = opened(server.url, { rest: 5_000 })
    await server.ask('CONFIG', 'SET', 'maxmemory', '1')
    expect(await failureOf(connection.send('SET', ['a', 'b']))).toContain('OOM')
    expect(await ping(connection)).toBe('PONG')
    await server.ask('CONFIG', 'SET', 'maxmemory', '0')
    await server.ask('REPLICAOF', '127.0.0.1', '1')
    expect(await failureOf(connection.send('SET', ['a', 'b']))).toContain('READONLY')
    const cleaned = connection.send('EVAL', ["return redis.error_reply('MY \\27[31mred')", '0'])
    expect(await failureOf(cleaned)).not.toContain('\u001b')
    connection.close()
  })

  withServer('an error never has the password', async (server) => {
    await server.ask('ACL', 'SETUSER', 'zoe', 'reset', 'on', '>se cret@', '+ping', '~*')
    const url = (password: string) => server.url.replace('//', `//zoe:${password}@`)
    const right = opened(url('se%20cret%40'))
    expect(await ping(right)).toBe('PONG')
    expect(await failureOf(right.send('SET', ['a', 'b']))).toContain('NOPERM')
    right.close()
    const wrong = opened(url('hidden'))
    const message = await failureOf(ping(wrong))
    expect(message).toContain(`127.0.0.1:${server.port}`)
    expect(message).toContain('it refuses the name or the password')
    expect(message).not.toMatch(/zoe|hidden/)
  })

  withServer(
    'a server that was replaced by another one between two commands is no failure',
    async (server) => {
      const connection = opened(server.url)
      expect(await ping(connection)).toBe('PONG')
      await server.kill()
      await server.restart()
      expect(await ping(connection)).toBe('PONG')
      await server.ask('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes')
      expect(await ping(connection)).toBe('PONG')
      connection.close()
    },
  )

  test.each([
    ['an old server', 'it is older than Redis 6', ['--rename-command', 'HELLO', ''], ''],
    ['a password that the URL lacks', 'it wants a password', ['--requirepass', 'right'], ''],
    ['too many connections', 'max number of clients reached', ['--maxclients', '1'], ''],
    ['a database that it lacks', 'out of range', [], '/99'],
  ])('it says why there is no connection: %s', async (_, why, options, path) => {
    using server = await boardServer(program, ...options)
    using only = await occupied(server)
    expect(await failureOf(ping(opened(`${server.url}${path}`)))).toContain(why)
    expect(only).toBeDefined()
  })

  test('a server that repeats the password: nobody sees it', async () => {
    using echo = Bun.listen({
      hostname: '127.0.0.1',
      port: 0,
      socket: { data: (socket) => void socket.write("-ERR who is 'zoe' with 'se cret@'?\r\n") },
    })
    const message = await failureOf(ping(opened(`redis://zoe:se%20cret%40@127.0.0.1:${echo.port}`)))
    expect(message).toContain('who is')
    expect(message).not.toMatch(/se cret@|se%20cret/)
    expect(await failureOf(ping(opened(`redis://zoe:%zz@127.0.0.1:${echo.port}`)))).toContain(
      'cannot be used',
    )
  })

  test('a host name without an address, and a server that is none', async () => {
    expect(await failureOf(ping(opened('redis://no-such-host.invalid:6379')))).toMatch(/ address/)
    using http = Bun.serve({ port: 0, fetch: () => new Response('x') })
    expect(await failureOf(ping(opened(`redis://127.0.0.1:${http.port}`)))).toContain('cannot be used')
  })
}

/** A connection that the server has already. */
async function occupied(server: RedisServer): Promise<Disposable> {
  const { promise, resolve } = Promise.withResolvers<void>()
  const socket = await Bun.connect({
    hostname: '127.0.0.1',
    port: server.port,
    socket: { data: () => resolve() },
  })
  socket.write('PING\r\n')
  await promise
  return { [Symbol.dispose]: () => socket.end() }
}
