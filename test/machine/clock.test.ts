import { afterEach, expect, test } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { createSqliteStore, openSqliteStore } from '../../src/adapters/store/sqlite.ts'
import { acquireNow } from '../../src/app/acquire.ts'
import type { Deps } from '../../src/app/deps.ts'
import { extendManual } from '../../src/app/extend.ts'
import { queueOverview } from '../../src/app/queue-overview.ts'
import { releaseManual } from '../../src/app/release.ts'
import { setUpPool } from '../../src/app/set-up.ts'
import { usageHistory } from '../../src/app/usage/usage-history.ts'
import { reportUsage } from '../../src/app/usage/usage-report.ts'
import { acquireInLine, type Waker } from '../../src/app/waiting/wait-in-line.ts'
import type { Intent } from '../../src/domain/operation/acquisition.ts'
import type { GpuReading, Moment, ProcessIdentity } from '../../src/domain/pool/model.ts'
import { unitsOf } from '../../src/domain/pool/units.ts'

/**
 * The real store and the real use-cases by a clock that this test sets: time passes by `pass`, and the wall
 * clock is put forward or back by `set`, as an administrator, NTP or a virtual machine does it.
 */
const MINUTE = 60_000
const HOUR = 60 * MINUTE
const ALICE = { uid: 1000, name: 'alice' }
const BOB = { uid: 1001, name: 'bob' }

let wall = 0
let steady = 0
let epoch = 'boot'
const now = (): Moment => ({ wall, steady: { epoch, ms: steady } })
function pass(ms: number): void {
  wall += ms
  steady += ms
}
const set = (by: number): void => {
  wall += by
}

const folders: string[] = []
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true })
})

/** A pool of so many GPUs at a time that means nothing. */
async function world(gpus: number): Promise<Deps & { readonly path: string }> {
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
  await setUpPool(
    {
      open: async () => null,
      create: () => createSqliteStore({ path, now }, { kind: 'everyone' }),
      setAside: async () => null,
      forGroup: false,
      stopped: () => false,
    },
    {
      host: 'here',
      gpuCount: gpus,
      force: false,
      policy: { allocation: 'lru' },
      detect: async () => probe,
    },
  )
  return {
    store: await openSqliteStore({ path, now }),
    alive: () => 'alive',
    stopped: () => false,
    providerOf: async () => ({ probe: async () => probe }),
    probeTimeout: 1_000,
    seesProcessOwners: () => true,
    memoryThreshold: 1024,
    path,
  }
}

let ids = 0
const process: ProcessIdentity = { pid: 1, startTime: 1, bootId: 'boot', pidNamespace: '1' }
const manual = (account: typeof ALICE, duration: number, count = 1): Intent => ({
  id: `intent${ids++}`,
  request: { kind: 'count', count },
  owner: { account, shownName: account.name },
  term: { kind: 'manual', duration },
})

/** A waiter whose time is the test's: each wait tells how long it would sleep, and then time passes. */
function waiting(
  deps: Deps,
  intent: Intent,
  options: { waitFor?: number; onWait: (ms: number) => void | Promise<void> },
) {
  const waker: Waker = {
    wait: async (ms) => {
      await options.onWait(ms)
      return 'timeout'
    },
    isInterrupted: () => false,
    wasInterrupted: async () => false,
    listen: () => {},
  }
  return acquireInLine(deps, intent, {
    ticket: { process, ...(options.waitFor === undefined ? {} : { waitFor: options.waitFor }) },
    waker,
    clock: () => steady,
    tell: () => {},
  })
}

const JUMPS = [-400 * 24 * HOUR, -25 * HOUR, -HOUR, -5_000, 5_000, HOUR, 25 * HOUR, 400 * 24 * HOUR]

for (const jump of JUMPS) {
  const name = `${jump > 0 ? 'forward' : 'back'} by ${Math.abs(jump) / 1000} s`

  test(`the clock is put ${name}: a reservation ends when its time has passed, not before`, async () => {
    const deps = await world(1)
    await acquireNow(deps, manual(ALICE, HOUR))
    pass(10 * MINUTE)
    set(jump)
    await expect(acquireNow(deps, manual(BOB, HOUR))).rejects.toMatchObject({ code: 'not-enough-gpus' })
    const [extended] = await extendManual(deps, { account: ALICE, by: HOUR })
    expect((extended?.term.expiresAt ?? 0) - wall).toBe(110 * MINUTE)
    pass(110 * MINUTE - 1)
    await expect(acquireNow(deps, manual(BOB, HOUR))).rejects.toMatchObject({ code: 'not-enough-gpus' })
    pass(1)
    expect(unitsOf((await acquireNow(deps, manual(BOB, HOUR))).reservation)).toEqual(['0'])
    const [record] = await deps.store.history({ from: 0, to: Number.MAX_SAFE_INTEGER })
    expect(record).toMatchObject({ outcome: 'expired' })
    expect((record?.endedAt ?? 0) - (record?.startedAt ?? 0)).toBe(2 * HOUR)
  })

  test(`the clock is put ${name} while one waits: it is served when the time has passed`, async () => {
    const deps = await world(1)
    await acquireNow(deps, manual(ALICE, HOUR))
    const began = steady
    let waits = 0
    const grant = await waiting(deps, manual(BOB, HOUR), {
      onWait: (ms) => {
        pass(ms)
        if (waits++ === 100) set(jump)
      },
    })
    expect(steady - began).toBe(HOUR)
    expect(grant.reservation).toMatchObject({
      startedAt: wall,
      term: { kind: 'manual', expiresAt: wall + HOUR },
    })
  })

  test(`the clock is put ${name} while one waits: the limit of the wait holds`, async () => {
    const deps = await world(1)
    await acquireNow(deps, manual(ALICE, 24 * HOUR))
    const began = steady
    let waits = 0
    const waited = waiting(deps, manual(BOB, HOUR), {
      waitFor: 30 * MINUTE,
      onWait: (ms) => {
        pass(ms)
        if (waits++ === 10) set(jump)
      },
    })
    await expect(waited).rejects.toMatchObject({ code: 'wait-timed-out' })
    expect(steady - began).toBe(30 * MINUTE)
    expect((await queueOverview(deps)).places).toEqual([])
  })

  test(`the clock is put ${name} while one waits: others see it wait as long as it has, and will`, async () => {
    const deps = await world(1)
    await acquireNow(deps, manual(ALICE, 24 * HOUR))
    const began = steady
    let looks = 0
    const waited = waiting(deps, manual(BOB, HOUR), {
      waitFor: 30 * MINUTE,
      onWait: async (ms) => {
        pass(ms)
        if (looks > 0 || steady - began < 20 * MINUTE) return
        looks++
        set(jump)
        const {
          places: [place],
          now: at,
        } = await queueOverview(deps)
        expect(at - (place?.entry.joinedAt ?? 0)).toBe(steady - began)
        expect((place?.entry.waitUntil ?? 0) - at).toBe(30 * MINUTE - (steady - began))
      },
    })
    await expect(waited).rejects.toMatchObject({ code: 'wait-timed-out' })
    expect(looks).toBe(1)
  })
}

test('a pool that is set up anew after the clock was put back: what is recorded lasted as long as it lasted', async () => {
  const deps = await world(1)
  await acquireNow(deps, manual(ALICE, 24 * HOUR))
  pass(2 * HOUR)
  set(-5 * HOUR)
  await setUpPool(
    {
      open: () => openSqliteStore({ path: deps.path, now }),
      create: () => createSqliteStore({ path: deps.path, now }, { kind: 'everyone' }),
      setAside: async () => null,
      forGroup: false,
      stopped: () => false,
    },
    {
      host: 'here',
      gpuCount: 1,
      force: true,
      policy: { allocation: 'lru' },
      detect: async () => (await deps.providerOf((await deps.store.load()).pool)).probe(1_000),
    },
  )
  const [record] = await deps.store.history({ from: 0, to: Number.MAX_SAFE_INTEGER })
  expect(record).toMatchObject({ outcome: 'reset', endedAt: wall, startedAt: wall - 2 * HOUR })
})

test('the clock is put back by less than is noticed: report and history still have the reservation', async () => {
  const deps = await world(2)
  await acquireNow(deps, manual(ALICE, HOUR))
  pass(100)
  set(-900)
  expect((await reportUsage(deps, 1)).total).toMatchObject({ manuals: 1, gpuHours: 0 })
  const past = await usageHistory(deps, { from: wall - HOUR, to: wall })
  expect(past).toMatchObject([{ unit: '0', startedAt: wall, endedAt: wall }])
  pass(HOUR)
  expect((await reportUsage(deps, 1)).total).toMatchObject({ manuals: 1 })
})

test('the machine restarts with a wrong clock, which is corrected later', async () => {
  const deps = await world(2)
  await acquireNow(deps, manual(ALICE, 10 * HOUR))
  pass(HOUR)
  // A clock without a battery begins anew; no one knows how long the machine was off.
  ;[wall, steady, epoch] = [0, 30_000, 'next boot']
  expect(unitsOf((await acquireNow(deps, manual(BOB, HOUR))).reservation)).toEqual(['1'])
  pass(MINUTE)
  set(1_750_000_000_000)
  const [left] = await extendManual(deps, { account: ALICE, by: HOUR })
  expect((left?.term.expiresAt ?? 0) - wall).toBeWithin(10 * HOUR - 2 * MINUTE, 11 * HOUR + 1)
  expect(await releaseManual(deps, BOB)).toEqual(['1'])
  for (const { startedAt, endedAt } of await deps.store.history({ from: 0, to: Number.MAX_SAFE_INTEGER })) {
    expect(endedAt - startedAt).toBe(MINUTE)
  }
})
