import { expect, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import { testPool } from '../../support/pool.ts'
import { until } from '../../support/until.ts'
import { must } from '../busy-pool.ts'
import { startWeb } from '../web-server.ts'

const MOST = 1_100
/** Memory for each open page. A stream that kept unsent snapshots would need far more. */
const MOST_KB_EACH = 64
/** Part of each snapshot, so that unsent snapshots would be noticed in the memory. */
const LONG_NOTE = 'x'.repeat(190)

test('the maximum number of pages, fast and slow, needs little memory; one more page has to poll', async () => {
  using pool = await testPool(8)
  const server = await startWeb(pool)
  await server.get('/api/status')
  const before = privateKb(server.child.pid)
  const pages = await Promise.all(
    Array.from({ length: MOST }, (_, at) => openPage(server.port, at % 2 === 0)),
  )
  try {
    const refused = await server.get('/api/events')
    expect(refused.status).toBe(503)
    expect(await refused.json()).toMatchObject({ error: { code: 'too-many-connections' } })

    for (let round = 0; round < 20; round++) {
      await must(pool, 'reserve', '--gpus', '8', '--note', `${round} ${LONG_NOTE}`)
      await must(pool, 'release')
    }
    const reading = pages.filter((page) => !page.isSlow)
    await must(pool, 'reserve', '--note', 'the last one')
    await until('all pages that read have the last snapshot', () =>
      reading.every((page) => page.last().includes('the last one')),
    )
    // Garbage may be collected later. Snapshots kept for slow pages would stay.
    await until('the memory of each page is small', async () => {
      await server.get('/api/status')
      return (privateKb(server.child.pid) - before) / MOST < MOST_KB_EACH
    })
  } finally {
    for (const page of pages) page.end()
  }
  await until('a new stream is accepted again', async () => {
    const response = await server.get('/api/events')
    await response.body?.cancel()
    return response.status === 200
  })
  expect((await server.stop()).status).toBe(0)
})

interface StreamPage {
  /** A slow page never reads. */
  readonly isSlow: boolean
  /** The end of the text that the page has read. */
  last(): string
  end(): void
}

function openPage(port: number, isSlow: boolean): Promise<StreamPage> {
  const { promise, resolve, reject } = Promise.withResolvers<StreamPage>()
  let last = ''
  Bun.connect({
    hostname: '127.0.0.1',
    port,
    socket: {
      open: (socket) => void socket.write('GET /api/events HTTP/1.1\r\nHost: localhost\r\n\r\n'),
      data(socket, bytes) {
        if (isSlow) socket.pause()
        last = (last + bytes.toString('latin1')).slice(-10_000)
        resolve({ isSlow, last: () => last, end: () => socket.end() })
      },
      error: (_, error) => reject(error),
    },
  }).catch(reject)
  return promise
}

function privateKb(pid: number): number {
  const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, 'latin1')
  const kb = (name: string) => Number(new RegExp(`^${name}: +(\\d+)`, 'm').exec(rollup)?.[1] ?? 0)
  return kb('Private_Clean') + kb('Private_Dirty')
}
