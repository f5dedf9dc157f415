import { expect, test } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { BoardConnection } from '../../../src/adapters/board/connection.ts'
import { CanhazgpuError } from '../../../src/domain/errors.ts'
import { needing } from '../../support/needs.ts'
import { boardServer, ENGINES, type RedisServer, redisServer } from '../../support/redis.ts'

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
    expect(await failureOf(ping(connection))).toContain('no connection')
    expect(await failureOf(ping(connection))).toContain('no connection')
    await server.restart()
    expect(await ping(connection)).toBe('PONG')
    connection.close()
  })

  withServer('connects again after the server closed the connection', async (server) => {
    const connection = opened(server.url)
    expect(await ping(connection)).toBe('PONG')
    await server.ask('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes')
    await ping(connection).catch(() => {})
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
    expect(message).toContain('wrong password')
    expect(message).not.toMatch(/zoe|hidden/)
  })

  withServer('a host name that does not exist is a failure', async () => {
    expect(await failureOf(ping(opened('redis://no-such-host.invalid:6379')))).toContain('no connection')
  })
}

needing('redis-server', 'openssl').test(
  'TLS: only a certificate of the named authority is accepted',
  async () => {
    const folder = mkdtempSync(`${tmpdir()}/tls-`)
    try {
      const made = Bun.spawnSync(
        [
          'openssl',
          'req',
          '-x509',
          '-newkey',
          'rsa:2048',
          '-nodes',
          '-days',
          '2',
          '-subj',
          '/CN=board',
          '-addext',
          'subjectAltName=IP:127.0.0.1',
          '-keyout',
          `${folder}/key.pem`,
          '-out',
          `${folder}/ca.pem`,
        ],
        { stdio: ['ignore', 'ignore', 'pipe'] },
      )
      expect([made.exitCode, made.stderr.toString().includes('rror')]).toEqual([0, false])
      using server = await redisServer(
        '--port',
        '0',
        '--tls-port',
        'PORT',
        '--tls-auth-clients',
        'no',
        '--tls-cert-file',
        `${folder}/ca.pem`,
        '--tls-key-file',
        `${folder}/key.pem`,
        '--tls-ca-cert-file',
        `${folder}/ca.pem`,
      )
      const url = server.url.replace('redis:', 'rediss:')
      const trusted = opened(`${url}/0?ca=${folder}/ca.pem`)
      expect(await ping(trusted)).toBe('PONG')
      trusted.close()
      expect(await failureOf(ping(opened(url)))).toContain('no connection')
      expect(
        await failureOf(ping(opened(`${url.replace('127.0.0.1', 'localhost')}?ca=${folder}/ca.pem`))),
      ).toContain('no connection')
      expect(await failureOf(ping(opened(server.url, { deadline: 2_000 })))).toContain('cannot be used')
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  },
)
