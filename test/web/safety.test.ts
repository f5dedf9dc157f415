import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { chmodSync, writeFileSync } from 'node:fs'
import { failureOf, warningsOf } from '../support/failure.ts'
import { type TestPool, testPool } from '../support/pool.ts'
import { rawRequest } from './raw-request.ts'
import { startWeb, type TestServer } from './web-server.ts'

let pool: TestPool
let server: TestServer

beforeAll(async () => {
  pool = await testPool(1)
  server = await startWeb(pool)
})
afterAll(() => pool?.[Symbol.dispose]())

describe('every response', () => {
  for (const path of ['/', '/api/status', '/metrics', '/favicon.svg', '/nothing', '/api/report?days=0']) {
    test(`${path} has the security headers`, async () => {
      const { headers } = await server.get(path)
      const policy = headers.get('content-security-policy') ?? ''
      expect(policy).toStartWith("default-src 'none'")
      expect(policy).not.toContain('unsafe')
      expect(policy).not.toMatch(/https?:/)
      expect(headers.get('x-content-type-options')).toBe('nosniff')
      expect(headers.get('access-control-allow-origin')).toBeNull()
    })
  }

  test('the page has no inline script or style, and loads nothing from other servers', async () => {
    const page = await (await server.get('/')).text()
    expect(page).not.toMatch(/<style|style=|<script>|\son\w+=|https?:\/\//)
    const files = [...page.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, path]) => path ?? '')
    for (const file of files.filter((path) => !path.startsWith('/api/'))) {
      expect((await server.get(file)).status).toBe(200)
    }
  })
})

describe('addresses outside the site', () => {
  for (const path of [
    '/../../etc/passwd',
    '/assets/../../../etc/passwd',
    '/assets/%2e%2e%2f%2e%2e%2fetc%2fpasswd',
    '/assets/..%5c..%5cetc%5cpasswd',
    '//etc/passwd',
    '/assets/',
    '/proc/self/environ',
    '/%00',
  ]) {
    test(`${path} does not exist`, async () => {
      expect((await rawRequest(server.port, `GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`)).status).toBe(
        404,
      )
    })
  }

  test('a URL that is too long is refused', async () => {
    expect((await server.get(`/${'a'.repeat(3_000)}`)).status).toBe(414)
  })

  test('headers that are too large are refused', async () => {
    expect((await server.get('/', { 'x-large': 'a'.repeat(20_000) })).status).toBe(431)
  })
})

describe('a wrong Host header', () => {
  for (const host of [
    '',
    ' ',
    'a b',
    '[::1',
    '[zz]',
    'localhost:99999',
    'localhost:80:80',
    'a/b',
    '%zz',
    'a@b',
    '\\',
    '<x>',
  ]) {
    for (const path of ['/', '/healthz', '/api/status', '/nothing']) {
      test(`'${host}' is refused at ${path}`, async () => {
        const answer = await rawRequest(server.port, `GET ${path} HTTP/1.1\r\nHost: ${host}\r\n\r\n`)
        expect(answer.status).toBe(400)
      })
    }
  }

  test('two Host headers are refused', async () => {
    const request = 'GET /healthz HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n\r\n'
    expect((await rawRequest(server.port, request)).status).toBe(400)
  })

  test('a request in HTTP/1.0 needs no Host header', async () => {
    expect((await rawRequest(server.port, 'GET /healthz HTTP/1.0\r\n\r\n')).status).toBe(200)
    expect((await rawRequest(server.port, 'GET /api/report?days=7 HTTP/1.0\r\n\r\n')).status).toBe(200)
  })
})

test('the server refuses malformed requests and continues to serve', async () => {
  const host = 'Host: localhost\r\n'
  for (const request of [
    'GET /healthz\r\n\r\n',
    `GET /healthz HTTP/0.9\r\n${host}\r\n`,
    `GET * HTTP/1.1\r\n${host}\r\n`,
    `GET healthz HTTP/1.1\r\n${host}\r\n`,
    `GET ftp://localhost/ HTTP/1.1\r\n${host}\r\n`,
    `GET http://[/nothing HTTP/1.1\r\n${host}\r\n`,
    `GET /%zz HTTP/1.1\r\n${host}\r\n`,
    `GET /%ff%00 HTTP/1.1\r\n${host}\r\n`,
    `GET /api/report?days=%ff HTTP/1.1\r\n${host}\r\n`,
    `GET /api/report?days=7&days=7 HTTP/1.1\r\n${host}\r\n`,
    `GET /?${'a=1&'.repeat(5_000)} HTTP/1.1\r\n${host}\r\n`,
    `GET / HTTP/1.1\r\n${host}${'X: a\r\n'.repeat(2_000)}\r\n`,
    `GET / HTTP/1.1\r\n${host}Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n`,
    `TRACE / HTTP/1.1\r\n${host}\r\n`,
    `BREW / HTTP/1.1\r\n${host}\r\n`,
    'CONNECT localhost:22 HTTP/1.1\r\nHost: localhost:22\r\n\r\n',
    'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
    '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03',
  ]) {
    const { status } = await rawRequest(server.port, request)
    expect({ request, isRefused: status === 0 || (status >= 400 && status !== 500) }).toEqual({
      request,
      isRefused: true,
    })
  }
  expect((await server.get('/healthz')).status).toBe(200)
})

describe('a server on loopback answers only to names of loopback', () => {
  for (const [host, status] of [
    ['localhost', 200],
    ['localhost:8080', 200],
    ['127.0.0.1:1234', 200],
    ['[::1]:8080', 200],
    ['evil.example', 403],
    ['localhost.evil.example', 403],
    ['127.0.0.1.evil.example', 403],
    ['evil.example:80@localhost', 403],
    ['', 403],
  ] as const) {
    test(`'${host}' is ${status === 200 ? 'answered' : 'refused'}`, async () => {
      const answer = await rawRequest(server.port, `GET /api/status HTTP/1.1\r\nHost: ${host}\r\n\r\n`)
      // The parser of the server answers 400 if the text is not a host name.
      expect(status === 403 ? [400, 403] : [200]).toContain(answer.status)
    })
  }

  test('without a password, a server on all addresses answers to any host name, and warns', async () => {
    const open = await startWeb(pool, '--host', '0.0.0.0', '--json')
    const answer = await rawRequest(open.port, 'GET /api/status HTTP/1.1\r\nHost: gpu-box.lab\r\n\r\n')
    expect(answer.status).toBe(200)
    expect(warningsOf(await open.stop())).toMatchObject([{ code: 'open-to-everyone' }])
  })
})

describe('with a password', () => {
  const basic = (text: string) => ({ authorization: `Basic ${Buffer.from(text).toString('base64')}` })
  let guarded: TestServer

  beforeAll(async () => {
    const file = `${pool.folder}/web.yaml`
    writeFileSync(file, 'web:\n  token: correct-horse\n  basic: "team:s3cret:with:colons"\n', { mode: 0o600 })
    guarded = await startWeb(pool, '--config', file)
  })

  for (const [what, headers, status] of [
    ['nothing', {}, 401],
    ['the token', { authorization: 'Bearer correct-horse' }, 200],
    ['the token with unusual case and spaces', { authorization: 'bearer  correct-horse ' }, 200],
    ['another token', { authorization: 'Bearer correct-horsf' }, 401],
    ['a part of the token', { authorization: 'Bearer correct' }, 401],
    ['an empty token', { authorization: 'Bearer ' }, 401],
    ['user and password', basic('team:s3cret:with:colons'), 200],
    ['the wrong user', basic('other:s3cret:with:colons'), 401],
    ['the token as password, as a browser sends it', basic('anyone:correct-horse'), 200],
    ['text that is not base64', { authorization: 'Basic %%%' }, 401],
    ['another scheme', { authorization: 'Digest correct-horse' }, 401],
  ] as const) {
    test(`${what}: ${status}`, async () => {
      // Each wrong password delays the answer to the next one.
      const isGuess = status === 401 && 'authorization' in headers
      const paths = ['/', '/api/status', '/api/events', '/metrics', '/api/openapi.json', '/nothing']
      for (const path of isGuess ? paths.slice(1, 2) : paths) {
        const response = await guarded.get(path, headers)
        expect(response.status === 401).toBe(status === 401)
        await response.body?.cancel()
      }
    })
  }

  test('a browser asks for the password', async () => {
    expect((await guarded.get('/')).headers.get('www-authenticate')).toStartWith('Basic realm=')
  })

  test('/healthz needs no password', async () => {
    expect((await guarded.get('/healthz')).status).toBe(200)
  })

  test('answers to wrong passwords are delayed, and the right one is accepted at once', async () => {
    const guess = async (at: number) => {
      const answer = await guarded.get('/api/status', { authorization: `Bearer wrong-horse-${at}` })
      return { status: answer.status, retryAfter: answer.headers.get('retry-after') }
    }
    const answers = await Promise.all(Array.from({ length: 100 }, (_, at) => guess(at)))
    const refused = answers.filter(({ status }) => status === 429)
    expect(refused.length).toBeGreaterThan(50)
    expect(new Set(refused.map(({ retryAfter }) => retryAfter))).toEqual(new Set(['1']))
    expect(answers.filter(({ status }) => status !== 429 && status !== 401)).toEqual([])
    expect((await guarded.get('/api/status', { authorization: 'Bearer correct-horse' })).status).toBe(200)
    expect((await guarded.get('/api/status')).status).toBe(401)
  })

  test('the command line has no option for a password', async () => {
    expect(failureOf(await pool.chg('web', '--web.token', 'correct-horse', '--json'))).toMatchObject({
      code: 'usage',
      message: expect.stringContaining('--web.token'),
      status: 2,
    })
  })

  test('neither the error nor the trace contains an invalid password', async () => {
    const file = `${pool.folder}/wrong.yaml`
    writeFileSync(file, 'web:\n  basic: no-colon-horse\n', { mode: 0o600 })
    const traced = 'CANHAZGPU_TRACE=stderr "$CHG" web --json'
    const results = [
      await pool.sh(`CANHAZGPU_WEB_TOKEN=horse ${traced}`),
      await pool.sh(`${traced} --config ${file}`),
    ]
    for (const result of results) {
      expect(failureOf(result)).toMatchObject({ code: 'config-invalid', status: 1 })
      expect(result.stderr).toContain('"kind":"error"')
      expect(result.stderr).not.toContain('horse')
    }
  })

  const MODES = [
    [0o600, null],
    [0o644, 'everyone'],
    [0o604, 'everyone'],
    [0o640, 'its group'],
  ] as const
  for (const [mode, readers] of MODES) {
    test(`a file of mode ${mode.toString(8)}: ${readers === null ? 'no warning' : `a warning that ${readers} can read it`}`, async () => {
      const file = `${pool.folder}/mode-${mode}.yaml`
      writeFileSync(file, 'web.token: correct-horse\n')
      chmodSync(file, mode)
      const { stderr } = await (await startWeb(pool, '--config', file, '--json')).stop()
      if (readers === null) {
        expect(stderr).toBe('')
        return
      }
      const warnings = warningsOf({ stderr })
      expect(warnings.map(({ code }) => code)).toEqual(['password-exposed'])
      for (const fact of ['web.token', file, readers]) expect(warnings[0]?.message).toContain(fact)
      expect(stderr).not.toContain('horse')
    })
  }

  test('a file without a password that everyone can read gives no warning', async () => {
    const file = `${pool.folder}/open.yaml`
    writeFileSync(file, 'run.wait: true\n', { mode: 0o644 })
    expect((await (await startWeb(pool, '--config', file)).stop()).stderr).toBe('')
  })

  test('a server on all addresses with a password gives no warning', async () => {
    const open = await startWeb(pool, '--host', '0.0.0.0', '--config', `${pool.folder}/web.yaml`)
    expect((await open.stop()).stderr).toBe('')
  })
})
