import { describe, expect, test } from 'bun:test'
import { failureOf } from '../support/failure.ts'
import { needing } from '../support/needs.ts'
import { testPool } from '../support/pool.ts'
import { newUser } from '../support/unix-users.ts'
import { until } from '../support/until.ts'
import { openEvents } from './live/event-stream.ts'
import { served, startWeb } from './web-server.ts'

describe('the server does not start if', () => {
  test('the port is in use', async () => {
    using pool = await testPool(1)
    const first = await startWeb(pool)
    const args = ['--host', '127.0.0.1', '--port', String(first.port)]
    const second = await pool.chg('web', ...args, '--json')
    expect(second.stdout).toBe('')
    expect(failureOf(second)).toMatchObject({
      code: 'failure',
      message: expect.stringContaining(`127.0.0.1, port ${first.port}`),
      status: 1,
    })
  })

  for (const host of ['no.such.host.invalid', '203.0.113.7']) {
    test(`it cannot listen on --host ${host}`, async () => {
      using pool = await testPool(1)
      expect(failureOf(await pool.chg('web', '--host', host, '--port', '0', '--json'))).toMatchObject({
        code: 'failure',
        message: expect.stringContaining(host),
        hint: expect.stringContaining('--host'),
        status: 1,
      })
    })
  }

  for (const port of ['-1', '65536', 'http', '80.5']) {
    test(`the port is ${port}`, async () => {
      using pool = await testPool(1)
      expect(failureOf(await pool.chg('web', `--port=${port}`, '--json'))).toMatchObject({
        code: 'usage',
        message: expect.stringContaining(`--port: '${port}'`),
        status: 2,
      })
    })
  }

  test('there is no pool', async () => {
    using pool = await testPool(0)
    expect(failureOf(await pool.chg('web', '--port', '0', '--json'))).toMatchObject({
      code: 'pool-not-initialized',
      status: 1,
    })
  })
})

describe('the server and its streams end at once', () => {
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    test(`at ${signal}`, async () => {
      using pool = await testPool(1)
      const server = await startWeb(pool)
      await using events = await openEvents(server)
      await events.until(() => true)
      expect(await server.stop(signal)).toEqual({ status: 0, stderr: '' })
      while ((await events.next()) !== null) {
        // Events that were sent before the end.
      }
    })
  }
})

needing('users').test('read access to the pool is enough', async () => {
  using pool = await testPool(2)
  await pool.chg('reserve', '--gpu-ids', '1', '--duration', '1s')
  await pool.sh(`chmod -R a-w,a+rX "$(dirname "${pool.database}")"; chmod a+rx "${pool.folder}"`)
  const reader = await newUser('reader')
  try {
    const server = await served(reader.start(pool, 'web', '--host', '127.0.0.1', '--port', '0'))
    await until('the reservation has ended', async () => {
      const status = await server.json<readonly { status: string }[]>('/api/status')
      return status.every((gpu) => gpu.status === 'AVAILABLE')
    })
    const { records } = await server.json<{ records: readonly { outcome: string }[] }>('/api/history')
    expect(records).toMatchObject([{ outcome: 'expired' }])
    expect((await server.stop()).status).toBe(0)
  } finally {
    await reader.remove()
  }
})

test('--json prints the address', async () => {
  using pool = await testPool(1)
  const child = pool.start('web', '--json', '--host', '127.0.0.1', '--port', '0')
  let printed = ''
  for await (const chunk of child.stdout) {
    printed += new TextDecoder().decode(chunk)
    if (printed.endsWith('}\n')) child.kill()
  }
  expect(JSON.parse(printed)).toEqual({ url: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+$/) })
  expect(await child.exited).toBe(0)
})
