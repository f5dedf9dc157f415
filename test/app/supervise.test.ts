import { expect, test } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createSqliteStore, openSqliteStore } from '../../src/adapters/store/sqlite.ts'
import { LocalPool } from '../../src/app/local-pool.ts'
import { HEARTBEAT_MS, type Job, supervise } from '../../src/app/supervise.ts'
import { CanhazgpuError } from '../../src/domain/errors.ts'
import { endReservation } from '../../src/domain/operation/ending.ts'
import type {
  Millis,
  Moment,
  Pool,
  Reservation,
  RunReservation,
  TimeLimit,
  UsageRecord,
} from '../../src/domain/pool/model.ts'
import type { ProcessCheck } from '../../src/domain/pool/process-check.ts'
import { unitsOf, wholeUnits } from '../../src/domain/pool/units.ts'
import type { OpenedPool } from '../../src/ports/opened-pool.ts'
import type { PoolService } from '../../src/ports/pool-service.ts'

const HOUR = 3_600_000
const START: Moment = { wall: Date.UTC(2026, 2, 1), steady: { epoch: 'test', ms: 1_000_000 } }

const RUN: RunReservation = {
  id: 'mine',
  owner: { account: { uid: 1000, name: 'alice' }, shownName: 'alice' },
  holdings: wholeUnits(['0', '1']),
  startedAt: START.wall,
  term: {
    kind: 'run',
    process: { pid: 1, startTime: 1, bootId: 'b', pidNamespace: 'p' },
    heartbeatAt: START.wall,
    command: 'train',
  },
}

const POOL: Pool = {
  host: 'box',
  provider: 'fake',
  units: ['0', '1', '2'].map((id) => ({
    id,
    device: { uuid: `GPU-${id}`, name: 'Fake GPU' },
    shape: { kind: 'gpu' },
  })),
  reservations: [RUN],
  queue: [],
  policy: { allocation: 'lru' },
  writtenAt: START,
}

const servedBy = (store: OpenedPool): PoolService =>
  new LocalPool({ store, processes: PROCESSES, actor: async () => RUN.owner.account })

const PROCESSES: ProcessCheck = { alive: () => 'alive', stopped: () => false }

type Event = 'exited' | 'changed' | 'timeout'

/** A supervisor on a real database, with a clock and a job that the test controls. */
class TestSupervisor implements Disposable {
  /** Present with a notice board: when it was given a sign of life, in steady time. */
  signsAt: number[] | undefined
  readonly printed: string[] = []
  readonly waits: Millis[] = []
  readonly slept: Millis[] = []
  readonly signalled: [signal: string, at: Millis][] = []
  limit: TimeLimit | undefined
  isOver = false
  /** The error of the store at this time, if any. */
  storeError: Error | null = null
  steady = START.steady.ms
  wall = START.wall
  readonly #folder = mkdtempSync(join(tmpdir(), 'canhazgpu-supervise-'))
  readonly #path = `${this.#folder}/pool.db`
  readonly #now = (): Moment => ({ wall: this.wall, steady: { epoch: 'test', ms: this.steady } })

  pass(ms: Millis): void {
    this.steady += ms
    this.wall += ms
  }

  async open(): Promise<OpenedPool> {
    if (this.storeError !== null) throw this.storeError
    return openSqliteStore({ path: this.#path, now: this.#now })
  }

  async use<Result>(action: (store: OpenedPool) => Promise<Result>): Promise<Result> {
    const store = await openSqliteStore({ path: this.#path, now: this.#now })
    try {
      return await action(store)
    } finally {
      store.close()
    }
  }

  async setUp(pool: Pool = POOL): Promise<void> {
    const store = await createSqliteStore({ path: this.#path, now: this.#now }, { kind: 'everyone' })
    await store.update({ create: () => ({ pool, records: [], wake: [], answer: undefined }) })
    store.close()
  }

  /** Supervises the job through these events. Each function runs before its event is reported. Then the job ends. */
  async run(...events: (Event | (() => Event | Promise<Event>))[]): Promise<void> {
    const job: Job = {
      wait: async (timeoutMs) => {
        this.waits.push(timeoutMs)
        const next = events.shift() ?? 'exited'
        const event = typeof next === 'function' ? await next() : next
        if (event === 'timeout') this.pass(timeoutMs)
        return event
      },
      // A pause with a timeout never sees the end of the command.
      pause: (timeoutMs) => {
        if (timeoutMs === Number.POSITIVE_INFINITY) return 'exited'
        this.pass(timeoutMs)
        return 'timeout'
      },
      interrupt: () => void this.signalled.push(['SIGINT', this.steady]),
      kill: () => {
        this.signalled.push(['SIGKILL', this.steady])
        this.isOver = true
      },
      isOver: () => this.isOver,
      writeStderr: (line) => this.printed.push(line),
    }
    await supervise({
      reservation: RUN.id,
      units: unitsOf(RUN),
      ...(this.limit === undefined ? {} : { limit: this.limit }),
      becomeSuccessor: () => {},
      openPool: async () => servedBy(await this.open()),
      job,
      clock: () => this.steady,
      ...(this.signsAt === undefined ? {} : { signOfLife: () => void this.signsAt?.push(this.steady) }),
      sleep: async (ms) => {
        this.slept.push(ms)
        this.pass(ms)
        if (this.slept.length === 3) this.storeError = null
      },
    })
  }

  pool(): Promise<Pool> {
    return this.use(async (store) => (await store.load()).pool)
  }

  history(): Promise<readonly UsageRecord[]> {
    return this.use((store) => store.history({ from: 0, to: Number.MAX_SAFE_INTEGER }))
  }

  [Symbol.dispose](): void {
    rmSync(this.#folder, { recursive: true, force: true })
  }
}

const heartbeatOf = (pool: Pool) =>
  pool.reservations.map(({ term }) => term.kind === 'run' && term.heartbeatAt)

/** The time before the first read of the pool, and between each read and the next wait. */
const PAUSE_MS = 1_000

test('renews the heartbeat every minute, and records the end of the command', async () => {
  using supervisor = new TestSupervisor()
  await supervisor.setUp()
  await supervisor.run('timeout', 'timeout', () => {
    supervisor.pass(30_000)
    return 'exited'
  })
  expect(supervisor.waits.slice(0, 2)).toEqual([HEARTBEAT_MS - 2 * PAUSE_MS, HEARTBEAT_MS - PAUSE_MS])
  expect((await supervisor.pool()).reservations).toEqual([])
  expect(await supervisor.history()).toEqual(
    ['0', '1'].map((unit) =>
      expect.objectContaining({
        unit,
        outcome: 'exited',
        startedAt: START.wall,
        endedAt: START.wall + 2 * HEARTBEAT_MS + PAUSE_MS + 30_000,
      }),
    ),
  )
  expect(supervisor.printed).toEqual([])
})

test('gives signs of life between the heartbeats, which are published as commits', async () => {
  using supervisor = new TestSupervisor()
  await supervisor.setUp()
  supervisor.signsAt = []
  const start = supervisor.steady
  await supervisor.run(...Array<Event>(5).fill('timeout'), 'changed', 'timeout')
  const after = supervisor.signsAt.map((at) => at - start)
  expect(after).toEqual([17_000, 32_000, 47_000, 76_000, 92_000])
})

test('gives signs of life also in the grace period', async () => {
  using supervisor = new TestSupervisor()
  await supervisor.setUp()
  supervisor.signsAt = []
  const start = supervisor.steady
  supervisor.limit = { interruptAt: start + 10_000, killAt: start + 50_000 }
  await supervisor.run('timeout', 'timeout')
  const times = [10_000, ...supervisor.signsAt.map((at) => at - start), 50_000]
  expect(times.slice(1).map((at, index) => at - (times[index] ?? 0) <= 17_000)).toEqual(
    Array(times.length - 1).fill(true),
  )
})

test('renews only the heartbeat of its own reservation', async () => {
  using supervisor = new TestSupervisor()
  const other: RunReservation = { ...RUN, id: 'other', holdings: wholeUnits(['2']) }
  await supervisor.setUp({ ...POOL, reservations: [RUN, other] })
  let seen: readonly unknown[] = []
  await supervisor.run('timeout', async (): Promise<Event> => {
    seen = heartbeatOf(await supervisor.pool())
    return 'exited'
  })
  expect(seen).toEqual([START.wall + HEARTBEAT_MS, START.wall])
  expect((await supervisor.pool()).reservations.map((each) => each.id)).toEqual(['other'])
})

test('writes of others to the pool do not change the time of the heartbeat', async () => {
  using supervisor = new TestSupervisor()
  await supervisor.setUp()
  await supervisor.run('changed', 'changed', 'changed', 'timeout')
  expect(supervisor.waits).toEqual([58_000, 57_000, 56_000, 55_000, 59_000])
  expect(supervisor.printed).toEqual([])
})

test('a lost reservation is reported once, and stays ended', async () => {
  using supervisor = new TestSupervisor()
  await supervisor.setUp()
  await supervisor.use((store) =>
    store.update((pool, moment) => {
      const { pool: after, ended } = endReservation(pool, RUN.id, 'released', moment.wall)
      return { pool: after, records: ended, wake: [], answer: undefined }
    }),
  )
  await supervisor.run('timeout')
  // The reservation ended before the first read of the pool, so the supervisor waits for nothing.
  expect(supervisor.waits).toEqual([])
  expect(supervisor.printed).toEqual([
    'canhazgpu: the reservation of GPU 0, 1 was ended; the command continues without it',
  ])
  expect((await supervisor.pool()).reservations).toEqual([])
})

test.each(['changed', 'timeout'] as const)(
  'a reset during the run is reported on its stderr (%s)',
  async (event) => {
    using supervisor = new TestSupervisor()
    await supervisor.setUp()
    await supervisor.run(async () => {
      await supervisor.use((store) =>
        store.update({
          create: () => ({ pool: { ...POOL, reservations: [] }, records: [], wake: [], answer: undefined }),
        }),
      )
      return event
    })
    expect(supervisor.printed).toEqual([expect.stringContaining('reservation of GPU 0, 1 was ended')])
    expect((await supervisor.pool()).reservations).toEqual([])
    expect(await supervisor.history()).toEqual([])
  },
)

test('store errors are not printed, and the end is recorded when the store works again', async () => {
  using supervisor = new TestSupervisor()
  await supervisor.setUp()
  await supervisor.run(
    () => {
      supervisor.storeError = new CanhazgpuError('store-unavailable', 'The disk is full')
      return 'timeout'
    },
    'timeout',
    'timeout',
  )
  expect(supervisor.printed).toEqual([])
  expect(supervisor.slept).toHaveLength(3)
  expect(await supervisor.history()).toHaveLength(2)
})

const STORE_ERRORS: Record<string, Error> = {
  'is damaged': new CanhazgpuError('store-corrupt', 'damaged'),
  'stays locked': new CanhazgpuError('store-busy', 'locked'),
  'was taken over by a newer version': new CanhazgpuError('store-too-new', 'newer'),
  'was removed': new CanhazgpuError('pool-not-initialized', 'no pool'),
  'makes this program fail': new TypeError('undefined is not a function'),
}

test.each(Object.keys(STORE_ERRORS))('the limit is enforced although the pool %s', async (what) => {
  using supervisor = new TestSupervisor()
  await supervisor.setUp()
  const start = supervisor.steady
  supervisor.limit = { interruptAt: start + 3 * HEARTBEAT_MS, killAt: start + 3 * HEARTBEAT_MS + 30_000 }
  const storeError = STORE_ERRORS[what] ?? null
  const failing = () => {
    supervisor.storeError = storeError
    return 'timeout' as const
  }
  await supervisor.run(failing, failing, failing, failing).catch((error) => {
    // After the end of the command, a bug is no longer ignored.
    if (error !== storeError) throw error
  })
  expect(supervisor.signalled[0]).toEqual(['SIGINT', start + 3 * HEARTBEAT_MS])
  expect(supervisor.signalled.find(([signal]) => signal === 'SIGKILL')).toEqual([
    'SIGKILL',
    start + 3 * HEARTBEAT_MS + 30_000,
  ])
  expect(supervisor.printed.slice(0, -2).length).toBe(what === 'was removed' ? 1 : 0)
  expect(supervisor.printed.slice(-2)).toEqual([
    'canhazgpu: time limit reached: sending SIGINT, and SIGKILL in 0h 0m 30s',
    'canhazgpu: still running after SIGINT: sending SIGKILL',
  ])
})

test('the limit comes from the launcher, whatever the pool contains', async () => {
  using supervisor = new TestSupervisor()
  const limit = { interruptAt: START.wall + 1, killAt: START.wall + 2 }
  const forged = { ...RUN, term: { ...RUN.term, limit } }
  await supervisor.setUp({ ...POOL, reservations: [forged] })
  await supervisor.run('timeout', 'timeout')
  expect(supervisor.signalled).toEqual([])
})

test('only the lost GPUs of a reservation are reported', async () => {
  using supervisor = new TestSupervisor()
  await supervisor.setUp()
  await supervisor.run(async (): Promise<Event> => {
    await supervisor.use((store) =>
      store.update((pool) => {
        const holdings = wholeUnits(['1', '2'])
        const changed = pool.reservations.map((each) => ({ ...each, holdings }))
        return { pool: { ...pool, reservations: changed }, records: [], wake: [], answer: undefined }
      }),
    )
    return 'changed'
  })
  expect(supervisor.printed).toEqual([expect.stringContaining('reservation of GPU 0 was ended')])
})

test('exits if the pool is removed and the command has ended', async () => {
  using supervisor = new TestSupervisor()
  await supervisor.setUp()
  await supervisor.run(() => {
    supervisor.storeError = new CanhazgpuError('pool-not-initialized', 'no pool')
    return 'exited'
  })
  expect(supervisor.slept).toEqual([])
})

test('exits if a newer version has upgraded the pool and the command has ended', async () => {
  using supervisor = new TestSupervisor()
  await supervisor.setUp()
  await supervisor.run(() => {
    supervisor.storeError = new CanhazgpuError('store-too-new', 'newer')
    return 'exited'
  })
  expect(supervisor.slept).toEqual([])
  expect(supervisor.printed).toEqual([])
})

test.each([10 * HOUR, -10 * HOUR])(
  'setting the clock by %p ms changes neither the hours of the run nor the end of another reservation',
  async (jump) => {
    using supervisor = new TestSupervisor()
    const manual: Reservation = {
      id: 'manual',
      owner: { account: { uid: 1001, name: 'bob' }, shownName: 'bob' },
      holdings: wholeUnits(['2']),
      startedAt: START.wall,
      term: { kind: 'manual', expiresAt: START.wall + 8 * HOUR },
    }
    await supervisor.setUp({ ...POOL, reservations: [RUN, manual] })
    await supervisor.run(
      'timeout',
      () => {
        supervisor.wall += jump
        return 'timeout'
      },
      () => {
        supervisor.wall -= jump / 2
        supervisor.pass(30_000)
        return 'exited'
      },
    )
    const [left] = (await supervisor.pool()).reservations
    if (left?.term.kind !== 'manual') throw new Error('the manual reservation is gone')
    expect(left.term.expiresAt - supervisor.wall).toBe(8 * HOUR - 2 * HEARTBEAT_MS - PAUSE_MS - 30_000)
    for (const record of await supervisor.history()) {
      expect(record.endedAt - record.startedAt).toBe(2 * HEARTBEAT_MS + PAUSE_MS + 30_000)
    }
  },
)
