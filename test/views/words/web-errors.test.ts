import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { writeFileSync } from 'node:fs'
import { MemoryPlace } from '../../../src/adapters/memory/memory-place.ts'
import { MemoryStore } from '../../../src/adapters/memory/memory-store.ts'
import { Guesses } from '../../../src/web/access/guesses.ts'
import { listen } from '../../../src/web/access/listen.ts'
import { demoPool } from '../../../src/web/demo/demo-pool.ts'
import { EventStreams } from '../../../src/web/live/event-streams.ts'
import { Sampler } from '../../../src/web/live/sampler.ts'
import { UsageAnswers } from '../../../src/web/usage-answers.ts'
import { type TestPool, testPool } from '../../support/pool.ts'
import { startWeb, type TestServer } from '../../web/web-server.ts'

/** The words of the server's errors. Other tests compare codes and facts. */

const clock = () => 0
let pool: TestPool
let server: TestServer
let guarded: TestServer

beforeAll(async () => {
  pool = await testPool(1)
  server = await startWeb(pool)
  const file = `${pool.folder}/web.yaml`
  writeFileSync(file, 'web.token: correct-horse\n', { mode: 0o600 })
  guarded = await startWeb(pool, '--config', file)
})
afterAll(() => pool?.[Symbol.dispose]())

describe('a refused request', () => {
  const NO_TIME = 'expected a time such as 2026-03-14T15:00:00Z (in a URL, + is %2B)'
  test.each([
    [400, 'Invalid value for days: expected a whole number from 1 to 90', '/api/report?days=0'],
    [400, 'The parameter days is given more than once', '/api/report?days=7&days=7'],
    [400, `Invalid value for to: ${NO_TIME}`, '/api/history?to=1'],
    [400, `Invalid value for from: ${NO_TIME}`, '/api/history?from=2026-02-30T00:00:00Z'],
    [
      400,
      'Invalid range: from is not before to',
      '/api/history?from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z',
    ],
    [
      400,
      'Invalid range: longer than 90 days',
      '/api/history?from=2025-01-01T00:00:00Z&to=2026-01-01T00:00:00Z',
    ],
    [404, 'There is nothing at this address', '/nothing'],
    [414, 'The URL is longer than 2048 characters', `/${'a'.repeat(2_048)}`],
  ])('%p: %s', async (status, message, path) => {
    const response = await server.get(path)
    expect(response.status).toBe(status)
    expect(await response.json()).toMatchObject({ error: { message } })
  })

  test('with another method', async () => {
    const response = await fetch(server.url, { method: 'POST' })
    expect(await response.json()).toMatchObject({
      error: { code: 'method-not-allowed', message: 'POST is not allowed: the dashboard is read-only' },
    })
  })

  test('with another host', async () => {
    const response = await server.get('/', { host: 'evil.example' })
    expect(await response.json()).toEqual({
      error: {
        code: 'host-not-allowed',
        message: 'This server answers only to localhost and loopback addresses',
        hint: 'open http://localhost, or start the server with --host 0.0.0.0',
      },
    })
  })

  test('with a host that is none', async () => {
    const response = await server.get('/', { host: 'a,b' })
    expect(await response.json()).toEqual({
      error: { code: 'bad-request', message: 'The Host header does not name one host' },
    })
  })

  test('without a password', async () => {
    expect(await (await guarded.get('/')).json()).toEqual({
      error: {
        code: 'unauthorized',
        message: 'A password is required',
        hint: 'with web.token: Authorization: Bearer <token>, or the token as password in a browser',
      },
    })
  })
})

describe('an overloaded server', () => {
  const error = (of: () => unknown) => Promise.try(of).catch((reason: unknown) => reason)

  test('too many wrong passwords', async () => {
    const guesses = new Guesses(clock)
    const delayed = Promise.all(Array.from({ length: 14 }, () => guesses.wrong('10.0.0.1')))
    expect(await error(() => guesses.admit('10.0.0.1'))).toMatchObject({
      document: {
        error: { message: 'Too many wrong passwords from this address', hint: 'try again in a few seconds' },
      },
    })
    await delayed
  })

  test('too many questions about the history', async () => {
    const answers = new UsageAnswers(() => new Promise(() => {}), clock)
    for (let days = 1; days <= 8; days++) void answers.get({ kind: 'daily', days })
    expect(await error(() => answers.get({ kind: 'daily', days: 9 }))).toMatchObject({
      document: {
        error: {
          message: 'Too many questions about the history at the same time',
          hint: 'try again in a few seconds',
        },
      },
    })
  })

  test('too many event streams', async () => {
    const demo = demoPool({ now: clock, steady: clock }, (now) => new MemoryStore(new MemoryPlace(), now))
    const sampler = new Sampler({ pool: demo, identity: { hostname: 'demo', version: '0' }, clock })
    const streams = new EventStreams(sampler, 0)
    expect(await error(() => streams.stream(new Request('http://localhost/api/events'), null))).toMatchObject(
      { document: { error: { message: 'More than 0 pages are open', hint: 'poll /api/snapshot instead' } } },
    )
  })
})

describe('a server that cannot listen', () => {
  const failure = (host: string, port: number) =>
    listen({ host, port }, async () => new Response()).catch((reason: unknown) => reason)

  test('the port is in use', async () => {
    expect(await failure('127.0.0.1', server.port)).toMatchObject({
      message: `Cannot listen on 127.0.0.1, port ${server.port}: the port is in use`,
      hint: 'choose another with --port',
    })
  })

  test.each([
    [
      '203.0.113.7',
      'Cannot listen on 203.0.113.7, port 0: the address does not belong to this machine',
      'use --host 0.0.0.0 for all addresses of this machine',
    ],
    [
      'no.such.host.invalid',
      'Cannot listen on no.such.host.invalid: unknown host name',
      '--host takes an address of this machine, such as 127.0.0.1 or 0.0.0.0',
    ],
  ])('%s', async (host, message, hint) => {
    expect(await failure(host, 0)).toMatchObject({ message, hint })
  })
})
