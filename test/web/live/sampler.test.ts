import { describe, expect, test } from 'bun:test'
import { LocalPool } from '../../../src/app/local-pool.ts'
import { CanhazgpuError } from '../../../src/domain/errors.ts'
import type { Sample } from '../../../src/domain/observation/sample.ts'
import type { Pool, Probe, Unit } from '../../../src/domain/pool/model.ts'
import { gpuNumber, wholeUnits } from '../../../src/domain/pool/units.ts'
import type { OpenedPool } from '../../../src/ports/opened-pool.ts'
import { Sampler } from '../../../src/web/live/sampler.ts'
import { until } from '../../support/until.ts'

describe('one sampler for all clients', () => {
  test.concurrent('many concurrent requests need one probe', async () => {
    const setup = newSetup()
    const snapshots = await Promise.all(Array.from({ length: 200 }, () => setup.sampler.current()))
    expect(setup.probes).toBe(1)
    expect(new Set(snapshots).size).toBe(1)
    setup.sampler.close()
  })

  test.concurrent('a change of the pool is shown without a probe', async () => {
    const setup = newSetup()
    const before = await setup.sampler.current()
    const seen = setup.sampler.version
    const next = setup.sampler.next(seen)
    setup.reserve()
    const after = await next
    expect(before.document.status[0]?.status).toBe('AVAILABLE')
    expect(after?.document.status[0]?.status).toBe('IN_USE')
    expect(setup.probes).toBe(1)
    setup.sampler.close()
  })

  test.concurrent('it is awake only while there is a client', async () => {
    const setup = newSetup()
    expect(setup.sampler.isAwake).toBe(false)
    expect(setup.probes).toBe(0)
    const leave = setup.sampler.watch()
    await setup.sampler.current()
    setup.pass(60_000)
    await until('it probes the driver again', () => setup.probes >= 2)
    expect(setup.sampler.isAwake).toBe(true)
    leave()
    setup.pass(60_000)
    await until('it sleeps', () => !setup.sampler.isAwake)
    expect(setup.isWatched).toBe(false)
    await setup.sampler.current()
    expect(setup.sampler.isAwake).toBe(true)
    setup.sampler.close()
  })

  test.concurrent('without a change there is no new snapshot, even if time passes', async () => {
    const setup = newSetup()
    await setup.sampler.current()
    const seen = setup.sampler.version
    setup.pass(5_000)
    expect(await setup.sampler.next(seen)).toBeNull()
    setup.sampler.close()
  })
})

describe('if the driver hangs', () => {
  test.concurrent('from the start: reservations are shown, without readings', async () => {
    const setup = newSetup()
    setup.reserve()
    setup.hang()
    const answer = setup.sampler.current()
    setup.pass(1_500)
    const { document } = await answer
    expect(document.stale).toEqual({ reason: expect.any(String), reason_code: 'driver-unresponsive' })
    expect(document.status.map(({ status }) => status)).toEqual(['IN_USE', 'ERROR'])
    setup.sampler.close()
  })

  test.concurrent('later: the last good reading is shown, with its time', async () => {
    const setup = newSetup()
    const { document: good } = await setup.sampler.current()
    setup.hang()
    const old = await until('it is marked as stale', async () => {
      setup.pass(100)
      const { document } = await setup.sampler.current()
      return document.stale === undefined ? false : document
    })
    expect(old.status.map(({ status }) => status)).toEqual(good.status.map(({ status }) => status))
    expect(old.stale).toEqual({
      reason: expect.any(String),
      reason_code: 'driver-unresponsive',
      since: good.at,
    })
    setup.answer()
    await until(
      'it is current again',
      async () => (await setup.sampler.current()).document.stale === undefined,
    )
    setup.sampler.close()
  })

  test.concurrent('behind a daemon: its stale readings are shown, with their time', async () => {
    const setup = newSetup()
    setup.age(60_000, 'GPU is lost')
    const { document } = await setup.sampler.current()
    const since = new Date(Date.parse(document.at) - 60_000).toISOString()
    const stale = { reason: 'GPU is lost', reason_code: 'driver-failed', since } as const
    expect(document.stale).toEqual(stale)
    expect(document.status.map((gpu) => [gpu.status, gpu.stale])).toEqual([
      ['AVAILABLE', stale],
      ['AVAILABLE', stale],
    ])
    expect(setup.sampler.health).toBe('stale')
    setup.sampler.close()
  })

  test.concurrent('if the driver fails, the cause is shown', async () => {
    const setup = newSetup()
    setup.fail('Failed to initialize NVML: Driver/library version mismatch')
    const { document } = await setup.sampler.current()
    expect(document.stale?.reason_code).toBe('driver-failed')
    expect(document.stale?.reason).toContain('version mismatch')
    expect(document.status.map(({ status }) => status)).toEqual(['ERROR', 'ERROR'])
    setup.sampler.close()
  })
})

test.concurrent('if the pool cannot be read any more, the last state is shown', async () => {
  const setup = newSetup()
  await setup.sampler.current()
  setup.lose()
  const document = await until('it is marked as stale', async () => {
    const { document } = await setup.sampler.current()
    return document.stale === undefined ? false : document
  })
  expect(document.stale).toMatchObject({ reason: 'the disk is gone', reason_code: 'store-unavailable' })
  expect(document.status).toHaveLength(2)
  setup.sampler.close()
})

/** A pool of two GPUs in memory, a driver and a clock that the test controls. */
function newSetup() {
  let now = 1_750_000_000_000
  let pool: Pool = {
    host: 'box',
    provider: 'fake',
    units: ['0', '1'].map(
      (id): Unit => ({ id, device: { uuid: `GPU-${id}`, name: 'GPU' }, shape: { kind: 'gpu' } }),
    ),
    reservations: [],
    queue: [],
    policy: { allocation: 'lru' },
    writtenAt: { wall: now, steady: { epoch: 'boot', ms: now } },
  }
  const setup = { probes: 0, isWatched: false }
  let lost = false
  let stale: Sample['stale']
  let failure: string | null = null
  let hanging: PromiseWithResolvers<void> | null = null
  let changed = Promise.withResolvers<void>()
  const store: Pick<OpenedPool, 'load' | 'changes'> = {
    async load() {
      if (lost) throw new CanhazgpuError('store-unavailable', 'the disk is gone')
      return { pool, moment: { wall: now, steady: { epoch: 'boot', ms: now } } }
    },
    async *changes(signal) {
      setup.isWatched = true
      signal.addEventListener('abort', () => {
        setup.isWatched = false
        changed.resolve()
      })
      while (!signal.aborted) {
        await changed.promise
        changed = Promise.withResolvers()
        yield
      }
    },
  }
  const probe = async (): Promise<Probe> => {
    setup.probes++
    await hanging?.promise
    if (failure !== null) throw new CanhazgpuError('driver-failed', failure)
    return {
      provider: 'fake',
      readings: pool.units.map(({ id, device }) => ({
        index: gpuNumber(id),
        uuid: device.uuid,
        name: device.name,
        state: { kind: 'measured', memoryUsedMb: 1, processes: [] },
      })),
    }
  }
  const service = new LocalPool({
    store: store as OpenedPool,
    processes: { alive: () => 'alive', stopped: () => false },
    actor: async () => ({ uid: 1, name: 'alice' }),
    driver: {
      sample: async () => ({ probe: await probe(), ...(stale === undefined ? {} : { stale }) }),
      askedThresholdMb: 1024,
      seesOwners: () => true,
    },
  })
  const sampler = new Sampler({
    ...{ pool: service, clock: () => now },
    identity: { hostname: 'box', version: '1' },
  })
  return Object.assign(setup, {
    sampler,
    pass: (ms: number) => {
      now += ms
    },
    reserve: () => {
      const owner = { account: { uid: 1, name: 'alice' }, shownName: 'alice' }
      const held = { id: 'a', owner, holdings: wholeUnits(['0']), startedAt: now }
      const term = { kind: 'manual', expiresAt: now + 3_600_000 } as const
      pool = { ...pool, reservations: [{ ...held, term }] }
      changed.resolve()
    },
    hang: () => {
      hanging = Promise.withResolvers()
    },
    answer: () => {
      hanging?.resolve()
      hanging = null
    },
    fail: (reason: string) => {
      failure = reason
    },
    /** The service gives readings of this age, because of a failure. */
    age: (ageMs: number, reason: string) => {
      stale = { ageMs, failure: new CanhazgpuError('driver-failed', reason) }
    },
    lose: () => {
      lost = true
    },
  })
}
