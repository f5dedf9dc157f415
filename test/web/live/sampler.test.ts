import { describe, expect, test } from 'bun:test'
import { LocalPool } from '../../../src/app/local-pool.ts'
import { CanhazgpuError } from '../../../src/domain/errors.ts'
import type { Pool, Probe, Unit } from '../../../src/domain/pool/model.ts'
import { gpuNumber, wholeUnits } from '../../../src/domain/pool/units.ts'
import type { OpenedPool } from '../../../src/ports/opened-pool.ts'
import { Sampler } from '../../../src/web/live/sampler.ts'
import { until } from '../../support/until.ts'

describe('one sampler for everybody', () => {
  test.concurrent('a crowd that asks at once costs one look at the driver', async () => {
    const stage = newStage()
    const snapshots = await Promise.all(Array.from({ length: 200 }, () => stage.sampler.current()))
    expect(stage.probes).toBe(1)
    expect(new Set(snapshots).size).toBe(1)
    stage.sampler.close()
  })

  test.concurrent('a change of the pool is shown without asking the driver', async () => {
    const stage = newStage()
    const before = await stage.sampler.current()
    const seen = stage.sampler.version
    const next = stage.sampler.next(seen)
    stage.reserve()
    const after = await next
    expect(before.document.status[0]?.status).toBe('AVAILABLE')
    expect(after?.document.status[0]?.status).toBe('IN_USE')
    expect(stage.probes).toBe(1)
    stage.sampler.close()
  })

  test.concurrent('it is awake while someone looks, and asleep when nobody does', async () => {
    const stage = newStage()
    expect(stage.sampler.isAwake).toBe(false)
    expect(stage.probes).toBe(0)
    const leave = stage.sampler.watch()
    await stage.sampler.current()
    stage.pass(60_000)
    await until('it looks again', () => stage.probes >= 2)
    expect(stage.sampler.isAwake).toBe(true)
    leave()
    stage.pass(60_000)
    await until('it sleeps', () => !stage.sampler.isAwake)
    expect(stage.isWatched).toBe(false)
    await stage.sampler.current()
    expect(stage.sampler.isAwake).toBe(true)
    stage.sampler.close()
  })

  test.concurrent('nothing new is nothing to send, whatever time passes', async () => {
    const stage = newStage()
    await stage.sampler.current()
    const seen = stage.sampler.version
    stage.pass(5_000)
    expect(await stage.sampler.next(seen)).toBeNull()
    stage.sampler.close()
  })
})

describe('a driver that hangs', () => {
  test.concurrent('from the start: the reservations are shown, and that their GPUs are not known', async () => {
    const stage = newStage()
    stage.reserve()
    stage.hang()
    const answer = stage.sampler.current()
    stage.pass(1_500)
    const { document } = await answer
    expect(document.stale).toEqual({
      reason: 'the GPU driver does not answer',
      reason_code: 'driver-unresponsive',
    })
    expect(document.status.map(({ status }) => status)).toEqual(['IN_USE', 'ERROR'])
    stage.sampler.close()
  })

  test.concurrent('later: the last good reading is shown, and since when it is old', async () => {
    const stage = newStage()
    const { document: good } = await stage.sampler.current()
    stage.hang()
    const old = await until('it is told to be old', async () => {
      stage.pass(100)
      const { document } = await stage.sampler.current()
      return document.stale === undefined ? false : document
    })
    expect(old.status.map(({ status }) => status)).toEqual(good.status.map(({ status }) => status))
    expect(old.stale).toEqual({
      reason: 'the GPU driver does not answer',
      reason_code: 'driver-unresponsive',
      since: good.at,
    })
    stage.answer()
    await until('it is fresh again', async () => (await stage.sampler.current()).document.stale === undefined)
    stage.sampler.close()
  })

  test.concurrent('one that fails says why', async () => {
    const stage = newStage()
    stage.fail('Failed to initialize NVML: Driver/library version mismatch')
    const { document } = await stage.sampler.current()
    expect(document.stale?.reason).toContain('version mismatch')
    expect(document.status.map(({ status }) => status)).toEqual(['ERROR', 'ERROR'])
    stage.sampler.close()
  })
})

test.concurrent('a pool that cannot be read any more is shown as it was', async () => {
  const stage = newStage()
  await stage.sampler.current()
  stage.lose()
  const document = await until('it is told to be old', async () => {
    const { document } = await stage.sampler.current()
    return document.stale === undefined ? false : document
  })
  expect(document.stale?.reason).toBe('the disk is gone')
  expect(document.status).toHaveLength(2)
  stage.sampler.close()
})

/** A pool of two GPUs in memory, a driver that does as it is told, and a clock that is moved by hand. */
function newStage() {
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
  const stage = { probes: 0, isWatched: false }
  let lost = false
  let failure: string | null = null
  let hanging: PromiseWithResolvers<void> | null = null
  let changed = Promise.withResolvers<void>()
  const store: Pick<OpenedPool, 'load' | 'changes'> = {
    async load() {
      if (lost) throw new CanhazgpuError('store-unavailable', 'the disk is gone')
      return { pool, moment: { wall: now, steady: { epoch: 'boot', ms: now } } }
    },
    async *changes(signal) {
      stage.isWatched = true
      signal.addEventListener('abort', () => {
        stage.isWatched = false
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
    stage.probes++
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
      of: async () => ({ probe }),
      timeout: 10_000,
      askedThresholdMb: 1024,
      seesOwners: () => true,
    },
  })
  const sampler = new Sampler({
    ...{ pool: service, clock: () => now },
    identity: { hostname: 'box', version: '1' },
  })
  return Object.assign(stage, {
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
    lose: () => {
      lost = true
    },
  })
}
