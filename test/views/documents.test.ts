import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import * as v from 'valibot'
import { COMMANDS } from '../../src/cli/registry.ts'
import { accounts } from '../../src/views/schemas/accounts.ts'
import * as admin from '../../src/views/schemas/admin.ts'
import { completion } from '../../src/views/schemas/completion.ts'
import { listening } from '../../src/views/schemas/daemon.ts'
import * as dashboard from '../../src/views/schemas/dashboard.ts'
import { diagnosed } from '../../src/views/schemas/doctor.ts'
import { drained, restored } from '../../src/views/schemas/drain.ts'
import { failure, warning } from '../../src/views/schemas/failure.ts'
import { extended, grant, released } from '../../src/views/schemas/grant.ts'
import { policy } from '../../src/views/schemas/policy.ts'
import { queue, waiting } from '../../src/views/schemas/queue.ts'
import { booking, schedule } from '../../src/views/schemas/schedule.ts'
import { service } from '../../src/views/schemas/service.ts'
import { status, summary } from '../../src/views/schemas/status.ts'
import { daily, history, report } from '../../src/views/schemas/usage.ts'
import { needing } from '../support/needs.ts'
import { type Child, finished, type TestPool, testPool } from '../support/pool.ts'
import { until } from '../support/until.ts'
import { type BusyPool, busyPool, must } from '../web/busy-pool.ts'
import { openEvents } from '../web/live/event-stream.ts'
import { startWeb, type TestServer } from '../web/web-server.ts'

interface Case {
  readonly args: readonly string[]
  readonly schema: v.GenericSchema
  /** The stream of the document; stdout by default. */
  readonly on?: 'stderr'
  readonly exit?: number
}

/** Commands that run in order on one pool of four GPUs. */
const CASES: readonly Case[] = [
  { args: ['admin', '--gpus', '4', '--provider', 'fake'], schema: admin.created },
  { args: ['admin', '--gpus', '4', '--force'], schema: admin.created },
  { args: ['admin', '--show'], schema: admin.settings },
  { args: ['admin', '--check'], schema: admin.checked },
  { args: ['admin', '--refresh'], schema: admin.refreshed },
  { args: ['admin', '--memory-threshold', '512'], schema: admin.thresholdSet },
  { args: ['admin', '--backup', 'copy.db'], schema: admin.backedUp },
  { args: ['admin'], schema: admin.guide, exit: 2 },
  { args: ['completion', 'bash'], schema: completion },
  { args: ['doctor'], schema: diagnosed },
  { args: ['reserve', '--gpus', '2', '--note', 'a note', '--user', 'ann'], schema: grant },
  { args: ['run', '--timeout', '1h', '--', 'true'], schema: grant, on: 'stderr' },
  { args: ['run', '--', 'true'], schema: grant, on: 'stderr' },
  { args: ['extend', '1h'], schema: extended },
  { args: ['report'], schema: report },
  { args: ['service', 'install', '--dry-run'], schema: service },
  { args: ['status'], schema: status },
  { args: ['status', '--summary'], schema: summary },
  { args: ['queue'], schema: queue },
  { args: ['drain', '3', '--reason', 'fan'], schema: drained },
  { args: ['drain', '3'], schema: drained },
  { args: ['status', '--summary'], schema: summary },
  { args: ['status'], schema: status },
  { args: ['reserve', '--gpu-ids', '3'], schema: failure, on: 'stderr', exit: 75 },
  { args: ['restore', '2-3'], schema: restored },
  { args: ['reserve', '--gpus', '4'], schema: failure, on: 'stderr', exit: 75 },
  { args: ['reserve', '--gpus', '5'], schema: failure, on: 'stderr', exit: 2 },
  { args: ['reserve', '--gpu-ids', '99'], schema: failure, on: 'stderr', exit: 2 },
  { args: ['run', '--gpus', '4', '--', 'true'], schema: failure, on: 'stderr', exit: 75 },
  { args: ['run', '--', 'no-such-program'], schema: failure, on: 'stderr', exit: 127 },
  { args: ['extend', 'never'], schema: failure, on: 'stderr', exit: 2 },
  { args: ['admin', '--gpus', '4'], schema: failure, on: 'stderr', exit: 1 },
  { args: ['status', '--no-such-option'], schema: failure, on: 'stderr', exit: 2 },
  { args: ['policy'], schema: policy },
  { args: ['policy', 'set', 'max-gpus', '2', '--account', '0'], schema: policy },
  { args: ['policy', 'set', 'max-gpus', '2'], schema: policy },
  { args: ['reserve'], schema: failure, on: 'stderr', exit: 75 },
  { args: ['policy', 'set', 'max-duration', '1h'], schema: policy },
  { args: ['reserve', '--duration', '2h'], schema: failure, on: 'stderr', exit: 2 },
  { args: ['policy', 'unset', 'max-gpus'], schema: policy },
  { args: ['release'], schema: released },
  { args: ['policy', 'unset', 'max-gpus', '--account', '0'], schema: policy },
  { args: ['reserve', '--at', 'in 2h'], schema: failure, on: 'stderr', exit: 2 },
  { args: ['policy', 'set', 'bookings', 'on'], schema: failure, on: 'stderr', exit: 1 },
  { args: ['policy', 'set', 'default-duration', '1h'], schema: policy },
  { args: ['policy', 'set', 'bookings', 'on'], schema: policy },
  { args: ['reserve', '--at', 'in 2h', '--note', 'demo'], schema: booking },
  { args: ['reserve', '--at', 'in 4h', '--gpu-ids', '1'], schema: booking },
  { args: ['reserve', '--at', 'in 2h', '--gpus', '4'], schema: failure, on: 'stderr', exit: 75 },
  { args: ['reserve', '--at', 'in 9d'], schema: failure, on: 'stderr', exit: 2 },
  { args: ['reserve', '--at', 'fri'], schema: failure, on: 'stderr', exit: 2 },
  { args: ['release', 'no-such-id'], schema: failure, on: 'stderr', exit: 1 },
  { args: ['schedule'], schema: schedule },
]

describe('every command with --json prints a document of its schema', () => {
  let pool: TestPool
  beforeAll(async () => {
    pool = await testPool(0)
  })
  afterAll(() => pool?.[Symbol.dispose]())

  for (const { args, schema, on = 'stdout', exit = 0 } of CASES) {
    test(`${args.join(' ')} (${exit})`, async () => {
      const [command = '', ...rest] = args
      const done = await pool.chg(command, '--json', ...rest)
      expect(done.status).toBe(exit)
      expect(issues(schema, JSON.parse(done[on]))).toEqual([])
    })
  }

  test.each([
    [['web'], undefined],
    [['web', '--demo'], true],
  ])('%p', async (args, demo) => {
    const child = pool.start(...args, '--json', '--host', '127.0.0.1', '--port', '0')
    const document = JSON.parse(await firstDocument(child))
    expect(issues(dashboard.serving, document)).toEqual([])
    expect(document.demo).toBe(demo)
    child.kill('SIGTERM')
    await child.exited
  })

  test('daemon', async () => {
    const place = [`--socket=${pool.folder}/other.sock`, `--pool=${pool.folder}/other/pool.db`]
    const child = pool.start('daemon', '--json', ...place)
    expect(issues(listening, JSON.parse(await firstDocument(child)))).toEqual([])
    child.kill('SIGTERM')
    expect(await child.exited).toBe(0)
  })

  test('an ignored setting: one warning on stderr', async () => {
    const { stderr } = await pool.chg('status', '--json', '--memory-threshold', '2048')
    expect(issues(warning, JSON.parse(stderr))).toEqual([])
  })

  test('the list above has every command', () => {
    const shown = new Set(['web', 'daemon', ...CASES.map(({ args: [command] }) => command)])
    expect(COMMANDS.map(({ name }) => name).filter((name) => !shown.has(name))).toEqual([])
  })
})

describe('a pool in every state', () => {
  let pool: BusyPool
  let server: TestServer
  beforeAll(async () => {
    pool = await busyPool()
    server = await startWeb(pool)
  })
  afterAll(() => pool?.[Symbol.dispose]())

  const ANSWERS: readonly (readonly [path: string, schema: v.GenericSchema])[] = [
    ['/api/status', status],
    ['/api/queue', queue],
    ['/api/schedule', schedule],
    ['/api/policy', policy],
    ['/api/accounts', accounts],
    ['/api/snapshot', dashboard.snapshot],
    ['/api/report', report],
    ['/api/daily', daily],
    ['/api/history', history],
    ['/healthz', dashboard.health],
    ['/api/report?days=0', failure],
    ['/api/nothing', failure],
  ]
  for (const [path, schema] of ANSWERS) {
    test(path, async () => {
      expect(issues(schema, await server.json(path))).toEqual([])
    })
  }

  test('/api/events', async () => {
    await using events = await openEvents(server)
    for (const schema of [dashboard.trend, dashboard.snapshot]) {
      expect(issues(schema, JSON.parse((await events.next())?.data ?? ''))).toEqual([])
    }
  })

  for (const [command, schema] of [
    ['status', status],
    ['queue', queue],
    ['schedule', schedule],
  ] as const) {
    test(`${command} --json`, async () => {
      expect(issues(schema, JSON.parse((await pool.chg(command, '--json')).stdout))).toEqual([])
    })
  }

  test('admin --check --json', async () => {
    const { stdout } = await pool.chg('admin', '--check', '--json')
    expect(issues(admin.checked, JSON.parse(stdout))).toEqual([])
  })
})

needing('embedded pool').test('a driver that does not answer', async () => {
  using pool = await testPool(2)
  await must(pool, 'reserve', '--gpus', '2')
  pool.start('reserve', '--wait')
  const waiting = async () => JSON.parse((await pool.chg('queue', '--json')).stdout)
  await until('a request waits', async () => (await waiting()).length === 1)
  pool.setFakeDriver({ fail: 'driver and library versions differ' })
  const seen = await pool.chg('status', '--json')
  expect(issues(status, JSON.parse(seen.stdout))).toEqual([])
  expect(JSON.parse(seen.stdout)).toMatchObject([0, 1].map(() => ({ reason: { code: 'unanswered' } })))
  expect(issues(failure, JSON.parse(seen.stderr))).toEqual([])
  const [place] = await waiting()
  expect(place.driver_trouble).toContain('driver and library versions differ')
  expect(place.driver_trouble_code).toBe('driver-failed')
  expect(issues(queue, [place])).toEqual([])
  const { stdout } = await pool.chg('admin', '--check', '--json')
  expect(JSON.parse(stdout)).toMatchObject({ driver: { checked: false, reason_code: 'driver-failed' } })
  expect(issues(admin.checked, JSON.parse(stdout))).toEqual([])
})

test('GPUs that differ from the pool: a code for each', async () => {
  using pool = await testPool(3)
  pool.setFakeDriver({
    gpus: { '0': { fault: 'GPU is lost' }, '1': { missing: true }, '2': { uuid: 'GPU-another' } },
  })
  const gpus = await pool.status()
  expect(gpus.map(({ reason }) => reason?.code)).toEqual(['reported', 'missing', 'replaced'])
  expect(issues(status, gpus)).toEqual([])
  const check = JSON.parse((await pool.chg('admin', '--check', '--json')).stdout)
  expect(issues(admin.checked, check)).toEqual([])
  expect(check.problems.map(({ reason }: { reason: object }) => reason)).toEqual([
    { code: 'missing', gpu_id: 1 },
    { code: 'replaced', gpu_id: 2 },
  ])
})

test('a wait with --json: one document for each change on stderr, the grant on stdout', async () => {
  using pool = await testPool(2)
  await must(pool, 'reserve', '--gpus', '2', '--duration', '1h')
  const waiter = pool.start('reserve', '--gpus', '2', '--wait', '--json')
  await until(
    'the request waits',
    async () => JSON.parse((await pool.chg('queue', '--json')).stdout).length === 1,
  )
  await must(pool, 'release')
  const { stdout, stderr, status: exit } = await finished(waiter)
  expect(exit).toBe(0)
  for (const line of stderr.trim().split('\n')) expect(issues(waiting, JSON.parse(line))).toEqual([])
  expect(issues(grant, JSON.parse(stdout))).toEqual([])
})

test('a wait with --json while the driver does not answer', async () => {
  using pool = await testPool(2)
  // Later processes of this pool read the scenario and its changes.
  pool.setFakeDriver({})
  await must(pool, 'reserve', '--gpus', '1')
  const waiter = pool.start('reserve', '--gpus', '2', '--wait', '--json')
  await until(
    'the request waits',
    async () => JSON.parse((await pool.chg('queue', '--json')).stdout).length === 1,
  )
  pool.setFakeDriver({ fail: 'driver and library versions differ' })
  const line = await lineWith(waiter.stderr, 'trouble')
  expect(JSON.parse(line)).toMatchObject({ waiting: { trouble_code: 'driver-failed' } })
  expect(issues(waiting, JSON.parse(line))).toEqual([])
})

function issues(schema: v.GenericSchema, document: unknown): readonly string[] {
  const { issues: found = [] } = v.safeParse(schema, document)
  return found.map((issue) => `${v.getDotPath(issue) ?? '$'}: ${issue.message}`)
}

/** The document that a server prints when it is ready. */
async function firstDocument(child: Child): Promise<string> {
  for await (const text of growing(child.stdout)) if (text.endsWith('}\n')) return text
  throw new Error('it ended without a document')
}

async function lineWith(stream: ReadableStream<Uint8Array>, word: string): Promise<string> {
  for await (const text of growing(stream)) {
    const line = text
      .split('\n')
      .slice(0, -1)
      .find((each) => each.includes(word))
    if (line !== undefined) return line
  }
  throw new Error(`it ended without a line with '${word}'`)
}

/** Yields the whole text of a stream so far, each time it grows. */
async function* growing(stream: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder()
  let text = ''
  for await (const part of stream) {
    text += decoder.decode(part, { stream: true })
    yield text
  }
}
