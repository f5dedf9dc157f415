import { describe, expect, test } from 'bun:test'
import { needing } from '../support/needs.ts'
import { testPool } from '../support/pool.ts'
import { newUser } from '../support/unix-users.ts'
import { until } from '../support/until.ts'
import { openEvents } from './live/event-stream.ts'
import { served, startWeb } from './web-server.ts'

describe('one line names why the server cannot start', () => {
  test('the port is in use', async () => {
    using pool = await testPool(1)
    const first = await startWeb(pool)
    const { status, stdout, stderr } = await pool.chg(
      'web',
      '--host',
      '127.0.0.1',
      '--port',
      String(first.port),
    )
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' })
    expect(stderr).toBe(
      `Error: Cannot listen on 127.0.0.1, port ${first.port}: the port is in use - choose another with --port\n`,
    )
  })

  for (const [host, why] of [
    ['no.such.host.invalid', 'unknown host name'],
    ['203.0.113.7', 'the address does not belong to this machine'],
  ] as const) {
    test(`--host ${host}`, async () => {
      using pool = await testPool(1)
      const { status, stderr } = await pool.chg('web', '--host', host, '--port', '0')
      expect(status).toBe(1)
      expect(stderr).toMatch(new RegExp(`^Error: Cannot listen on ${host}.*: ${why} - .*\\n$`))
    })
  }

  for (const port of ['-1', '65536', 'http', '80.5']) {
    test(`--port ${port}`, async () => {
      using pool = await testPool(1)
      const { status, stderr } = await pool.chg('web', `--port=${port}`)
      expect(status).toBe(2)
      expect(stderr).toStartWith(`Error: Invalid value for --port: '${port}'`)
    })
  }

  test('no pool', async () => {
    using pool = await testPool(0)
    const { status, stderr } = await pool.chg('web', '--port', '0')
    expect(status).toBe(1)
    expect(stderr).toStartWith('Error: GPU pool not initialized')
  })
})

describe('the server ends at once, with its streams,', () => {
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    test(`by ${signal}`, async () => {
      using pool = await testPool(1)
      const server = await startWeb(pool)
      await using events = await openEvents(server)
      await events.until(() => true)
      expect(await server.stop(signal)).toEqual({ status: 0, stderr: '' })
      while ((await events.next()) !== null) {
        // Data that was sent before the end.
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
  let said = ''
  for await (const chunk of child.stdout) {
    said += new TextDecoder().decode(chunk)
    if (said.endsWith('}\n')) child.kill()
  }
  expect(JSON.parse(said)).toEqual({ url: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+$/) })
  expect(await child.exited).toBe(0)
})
