import { afterEach, expect, test } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { createSqliteStore, openSqliteStore } from '../../src/adapters/store/sqlite.ts'
import { acquireNow } from '../../src/app/acquire-now.ts'
import { LocalPool } from '../../src/app/local-pool.ts'
import { type SetUp, setUpPool } from '../../src/app/set-up.ts'
import { acquireInQueue } from '../../src/app/waiting/wait-in-queue.ts'
import type { Waker } from '../../src/app/waiting/waiting.ts'
import type { Grant, Intent } from '../../src/domain/operation/intent.ts'
import type { GpuReading, Moment, ProcessIdentity } from '../../src/domain/pool/model.ts'
import type { ProcessCheck } from '../../src/domain/pool/process-check.ts'
import { unitsOf } from '../../src/domain/pool/units.ts'
import { knownEnd } from '../../src/domain/schedule/term-times.ts'
import type { OpenedPool } from '../../src/ports/opened-pool.ts'
import type { PoolService } from '../../src/ports/pool-service.ts'
import { unlessRefused } from '../../src/views/words/refusals.ts'

/**
 * Runs the real store and the real use cases with a clock of this test. `advance` lets time pass. `shiftWallClock` sets
 * the wall clock forward or back, as an administrator, NTP or a virtual machine does.
 */
const MINUTE = 60_000
const HOUR = 60 * MINUTE
const ALICE = { uid: 1000, name: 'alice' }
const BOB = { uid: 1001, name: 'bob' }

let wall = 0
let steady = 0
let epoch = 'boot'
const now = (): Moment => ({ wall, steady: { epoch, ms: steady } })
function advance(ms: number): void {
  wall += ms
  steady += ms
}
const shiftWallClock = (by: number): void => {
  wall += by
}

const folders: string[] = []
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true })
})

/** A pool in a real store. */
interface ClockedPool {
  readonly store: OpenedPool
  readonly path: string
  readonly as: (account: typeof ALICE) => PoolService
  readonly setUp: SetUp
}

const PROCESSES: ProcessCheck = { alive: () => 'alive', stopped: () => false }
const ROOT = { uid: 0, name: 'root' }

/** A pool with this number of GPUs, at an arbitrary time. */
async function clockedPool(gpus: number): Promise<ClockedPool> {
  ;[wall, steady, epoch] = [1_750_000_000_000, 5 * HOUR, 'boot']
  const folder = mkdtempSync(`${tmpdir()}/canhazgpu-clock-`)
  folders.push(folder)
  const path = `${folder}/pool/pool.db`
  const readings = Array.from(
    { length: gpus },
    (_, index): GpuReading => ({
      index,
      uuid: `GPU-${index}`,
      name: 'Fake GPU',
      state: { kind: 'measured', memoryUsedMb: 0, processes: [] },
    }),
  )
  const probe = { provider: 'fake' as const, readings }
  const setUp: SetUp = {
    ...{ host: 'here', gpuCount: gpus, force: false, actor: ROOT, processes: PROCESSES },
    policy: { allocation: 'lru' },
    detect: async () => probe,
  }
  await setUpPool(
    {
      open: async () => null,
      create: () => createSqliteStore({ path, now }, { kind: 'everyone' }),
      setAside: async () => null,
      forGroup: false,
    },
    setUp,
  )
  const store = await openSqliteStore({ path, now })
  const driver = {
    ...{ askedThresholdMb: 1024, seesOwners: () => true },
    sample: async () => ({ probe }),
  }
  const as = (account: typeof ALICE) =>
    new LocalPool({ store, processes: PROCESSES, actor: async () => account, driver })
  return { store, path, setUp, as }
}

/** Grants at once, for the account of the intent. */
async function reserve(pool: ClockedPool, intent: Intent): Promise<Grant> {
  return unlessRefused(await acquireNow(pool.as(intent.owner.account), intent))
}

async function extendAlice(pool: ClockedPool, by: number) {
  return unlessRefused(await pool.as(ALICE).perform({ op: 'extend', by }))
}

let ids = 0
const process: ProcessIdentity = { pid: 1, startTime: 1, bootId: 'boot', pidNamespace: '1' }
const manual = (account: typeof ALICE, duration: number, count = 1): Intent => ({
  id: `intent${ids++}`,
  request: { kind: 'count', count },
  owner: { account, shownName: account.name },
  term: { kind: 'manual', duration },
})

/** Waits with the test's clock. Each sleep calls `onWait` with its length instead. */
async function waiting(
  pool: ClockedPool,
  intent: Intent,
  options: { waitFor?: number; onWait: (ms: number) => void | Promise<void> },
): Promise<Grant> {
  const waker: Waker = {
    wait: async (ms) => {
      await options.onWait(ms)
      return 'timeout'
    },
    interruption: new AbortController().signal,
    wasInterrupted: async () => false,
    listen: () => {},
  }
  const answer = await acquireInQueue(pool.as(intent.owner.account), intent, {
    processes: PROCESSES,
    ticket: { process, ...(options.waitFor === undefined ? {} : { waitFor: options.waitFor }) },
    waker,
    clock: () => steady,
    onProgress: () => {},
  })
  return unlessRefused(answer)
}

const JUMPS = [-400 * 24 * HOUR, -25 * HOUR, -HOUR, -5_000, 5_000, HOUR, 25 * HOUR, 400 * 24 * HOUR]

for (const jump of JUMPS) {
  const name = `${jump > 0 ? 'forward' : 'back'} by ${Math.abs(jump) / 1000} s`

  test(`the clock is set ${name}: a reservation ends after its time, not before`, async () => {
    const pool = await clockedPool(1)
    await reserve(pool, manual(ALICE, HOUR))
    advance(10 * MINUTE)
    shiftWallClock(jump)
    await expect(reserve(pool, manual(BOB, HOUR))).rejects.toMatchObject({ code: 'not-enough-gpus' })
    const [extended] = await extendAlice(pool, HOUR)
    expect((extended === undefined ? 0 : knownEnd(extended)) - wall).toBe(110 * MINUTE)
    advance(110 * MINUTE - 1)
    await expect(reserve(pool, manual(BOB, HOUR))).rejects.toMatchObject({ code: 'not-enough-gpus' })
    advance(1)
    expect(unitsOf((await reserve(pool, manual(BOB, HOUR))).reservation)).toEqual(['0'])
    const [record] = await pool.store.history({ from: 0, to: Number.MAX_SAFE_INTEGER })
    expect(record).toMatchObject({ outcome: 'expired' })
    expect((record?.endedAt ?? 0) - (record?.startedAt ?? 0)).toBe(2 * HOUR)
  })

  test(`the clock is set ${name} during a wait: the GPU is granted when the reservation before it has ended`, async () => {
    const pool = await clockedPool(1)
    await reserve(pool, manual(ALICE, HOUR))
    const began = steady
    let waits = 0
    const grant = await waiting(pool, manual(BOB, HOUR), {
      onWait: (ms) => {
        advance(ms)
        if (waits++ === 100) shiftWallClock(jump)
      },
    })
    expect(steady - began).toBe(HOUR)
    expect(grant.reservation).toMatchObject({
      startedAt: wall,
      term: { kind: 'manual', expiresAt: wall + HOUR },
    })
  })

  test(`the clock is set ${name} during a wait: the wait times out after its limit`, async () => {
    const pool = await clockedPool(1)
    await reserve(pool, manual(ALICE, 24 * HOUR))
    const began = steady
    let waits = 0
    const waited = waiting(pool, manual(BOB, HOUR), {
      waitFor: 30 * MINUTE,
      onWait: (ms) => {
        advance(ms)
        if (waits++ === 10) shiftWallClock(jump)
      },
    })
    await expect(waited).rejects.toMatchObject({ code: 'wait-timed-out' })
    expect(steady - began).toBe(30 * MINUTE)
    expect((await pool.as(BOB).view('queue')).places).toEqual([])
  })

  test(`the clock is set ${name} during a wait: others see how long it has waited, and for how long it will`, async () => {
    const pool = await clockedPool(1)
    await reserve(pool, manual(ALICE, 24 * HOUR))
    const began = steady
    let checks = 0
    const waited = waiting(pool, manual(BOB, HOUR), {
      waitFor: 30 * MINUTE,
      onWait: async (ms) => {
        advance(ms)
        if (checks > 0 || steady - began < 20 * MINUTE) return
        checks++
        shiftWallClock(jump)
        const {
          places: [place],
          now: at,
        } = await pool.as(BOB).view('queue')
        expect(at - (place?.entry.joinedAt ?? 0)).toBe(steady - began)
        expect((place?.entry.waitUntil ?? 0) - at).toBe(30 * MINUTE - (steady - began))
      },
    })
    await expect(waited).rejects.toMatchObject({ code: 'wait-timed-out' })
    expect(checks).toBe(1)
  })
}

test('a pool that is reset after the clock was set back records the true durations', async () => {
  const pool = await clockedPool(1)
  await reserve(pool, manual(ALICE, 24 * HOUR))
  advance(2 * HOUR)
  shiftWallClock(-5 * HOUR)
  await setUpPool(
    {
      open: () => openSqliteStore({ path: pool.path, now }),
      create: () => createSqliteStore({ path: pool.path, now }, { kind: 'everyone' }),
      setAside: async () => null,
      forGroup: false,
    },
    { ...pool.setUp, force: true },
  )
  const [record] = await pool.store.history({ from: 0, to: Number.MAX_SAFE_INTEGER })
  expect(record).toMatchObject({ outcome: 'reset', endedAt: wall, startedAt: wall - 2 * HOUR })
})

test('the clock is set back by less than the tolerance: report and history still have the reservation', async () => {
  const pool = await clockedPool(2)
  const alice = pool.as(ALICE)
  await reserve(pool, manual(ALICE, HOUR))
  advance(100)
  shiftWallClock(-900)
  expect((await alice.usage({ kind: 'report', days: 1 })).total).toMatchObject({ manuals: 1, gpuHours: 0 })
  const range = { from: wall - HOUR, to: wall }
  const past = await alice.usage({ kind: 'history', range, most: 10 })
  expect(past.times).toMatchObject([{ unit: '0', startedAt: wall, endedAt: wall }])
  advance(HOUR)
  expect((await alice.usage({ kind: 'report', days: 1 })).total).toMatchObject({ manuals: 1 })
})

test('the machine reboots with a wrong clock, which is corrected later', async () => {
  const pool = await clockedPool(2)
  await reserve(pool, manual(ALICE, 10 * HOUR))
  advance(HOUR)
  // A clock without a battery starts at zero. How long the machine was off is unknown.
  ;[wall, steady, epoch] = [0, 30_000, 'next boot']
  expect(unitsOf((await reserve(pool, manual(BOB, HOUR))).reservation)).toEqual(['1'])
  advance(MINUTE)
  shiftWallClock(1_750_000_000_000)
  const [left] = await extendAlice(pool, HOUR)
  expect((left === undefined ? 0 : knownEnd(left)) - wall).toBeWithin(10 * HOUR - 2 * MINUTE, 11 * HOUR + 1)
  expect(await pool.as(BOB).perform({ op: 'release' })).toEqual(['1'])
  for (const { startedAt, endedAt } of await pool.store.history({ from: 0, to: Number.MAX_SAFE_INTEGER })) {
    expect(endedAt - startedAt).toBe(MINUTE)
  }
})
