import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { CanhazgpuError } from '../../../src/domain/errors.ts'
import type { Sight } from '../../../src/domain/observation/allocation.ts'
import { acquire, checkPossible, type Intent } from '../../../src/domain/operation/acquisition.ts'
import type { Gpu, GpuUsage, Pool, Request } from '../../../src/domain/pool/model.ts'
import {
  allIdle,
  anyUsage,
  idle,
  NOON,
  poolOf,
  THRESHOLD_MB,
  unusedGpus,
  usageMap,
  usedGpus,
} from '../pool/arbitraries.ts'

const HOUR = 3_600_000

function intent(request: Request, uid = 1000): Intent {
  return {
    id: 'wanted',
    request,
    user: `u${uid}`,
    account: { uid, name: `u${uid}` },
    hold: { kind: 'manual', duration: HOUR },
  }
}

function held(gpus: readonly number[]): Pool['reservations'][number] {
  return {
    id: `held-${gpus.join('-')}`,
    gpus,
    user: 'x',
    account: { uid: 1, name: 'x' },
    startedAt: NOON.wall - HOUR,
    kind: 'manual',
    expiresAt: NOON.wall + HOUR,
  }
}

interface Scene {
  readonly pool: Pool
  readonly usages: readonly (GpuUsage | undefined)[]
}

const scene: fc.Arbitrary<Scene> = usedGpus.chain((gpus) =>
  fc.record({
    usages: fc.array(anyUsage, { minLength: gpus.length, maxLength: gpus.length }),
    pool: fc
      .subarray(gpus.map((gpu) => gpu.id))
      .map((taken) => poolOf(gpus, { reservations: taken.map((id) => held([id])) })),
  }),
)

const request: fc.Arbitrary<Request> = fc.oneof(
  fc.integer({ min: 1, max: 8 }).map((count): Request => ({ kind: 'count', count })),
  fc
    .uniqueArray(fc.integer({ min: 0, max: 7 }), { minLength: 1, maxLength: 4 })
    .map((ids): Request => ({ kind: 'ids', ids })),
)

/** Told once more, as plainly as can be: what may be granted at all. */
function freeByHand({ pool, usages }: Scene): Gpu[] {
  const free: Gpu[] = []
  for (const gpu of pool.gpus) {
    let taken = false
    for (const reservation of pool.reservations) if (reservation.gpus.includes(gpu.id)) taken = true
    const usage = usages[gpu.id]
    const seenIdle = usage !== undefined && usage.kind === 'measured' && usage.memoryUsedMb < THRESHOLD_MB
    if (!taken && seenIdle) free.push(gpu)
  }
  return free
}

/** Takes the best GPU again and again: never used, then longest unused, then the smallest id. */
function leastRecentlyUsed(free: readonly Gpu[], count: number): number[] {
  const left = [...free]
  const chosen: number[] = []
  while (chosen.length < count) {
    let best = 0
    for (let i = 1; i < left.length; i++) {
      const a = left[i]?.releasedAt ?? -1
      const b = left[best]?.releasedAt ?? -1
      if (a < b || (a === b && (left[i]?.id ?? 0) < (left[best]?.id ?? 0))) best = i
    }
    const [gpu] = left.splice(best, 1)
    if (gpu !== undefined) chosen.push(gpu.id)
  }
  return chosen.sort((a, b) => a - b)
}

const seenNow = (sight: Sight) => ({ now: NOON.wall, stopped: () => false, sight })

function decide({ pool, usages }: Scene, wanted: Request) {
  return acquire(pool, intent(wanted), seenNow({ usage: usageMap(pool, usages), thresholdMb: THRESHOLD_MB }))
}

test('a request gets exactly the least recently used free GPUs, all of them or none', () => {
  fc.assert(
    fc.property(scene, request, (at, wanted) => {
      const free = freeByHand(at)
      const { pool, result } = decide(at, wanted)
      const count = wanted.kind === 'count' ? wanted.count : wanted.ids.length
      const possible =
        wanted.kind === 'count'
          ? free.length >= count
          : wanted.ids.every((id) => free.some((gpu) => gpu.id === id))
      expect(result.kind).toBe(possible ? 'granted' : 'refused')
      if (result.kind === 'refused') {
        expect(pool).toBe(at.pool)
        expect(result.shortage.requested).toBe(count)
        return
      }
      const expected =
        wanted.kind === 'count' ? leastRecentlyUsed(free, count) : [...wanted.ids].sort((a, b) => a - b)
      expect(result.reservation.gpus).toEqual(expected)
      expect(pool.reservations).toEqual([...at.pool.reservations, result.reservation])
    }),
    { numRuns: 500 },
  )
})

test('no GPU is ever in two reservations, whatever was granted before', () => {
  fc.assert(
    fc.property(scene, fc.array(request, { maxLength: 10 }), (at, requests) => {
      let pool = at.pool
      requests.forEach((wanted, nth) => {
        const asked = { ...intent(wanted), id: `r${nth}` }
        const sight = { usage: usageMap(pool, at.usages), thresholdMb: THRESHOLD_MB }
        pool = acquire(pool, asked, seenNow(sight)).pool
      })
      const all = pool.reservations.flatMap((reservation) => reservation.gpus)
      expect(new Set(all).size).toBe(all.length)
    }),
  )
})

test('a refusal tells how many are free, and how many are left out and why', () => {
  const pool = poolOf(unusedGpus(5), { reservations: [held([0])] })
  const usages = [idle(9_000), idle(0), idle(2_000), { kind: 'fault', reason: 'lost' } as const, undefined]
  const { result } = decide({ pool, usages }, { kind: 'count', count: 2 })
  expect(result).toMatchObject({
    kind: 'refused',
    shortage: { requested: 2, available: 1, occupied: 1, faulty: 2, taken: [] },
  })
})

test('a GPU is occupied from the threshold on, and free below it', () => {
  const pool = poolOf(unusedGpus(1))
  const granted = (memory: number) =>
    decide({ pool, usages: [idle(memory)] }, { kind: 'count', count: 1 }).result.kind
  expect(granted(THRESHOLD_MB - 1)).toBe('granted')
  expect(granted(THRESHOLD_MB)).toBe('refused')
})

test('mru-per-user gives an account the GPUs back that it used last', () => {
  const at = (id: number, releasedBy: number, minutesAgo: number): Gpu => ({
    ...(unusedGpus(id + 1)[id] as Gpu),
    releasedBy,
    releasedAt: NOON.wall - minutesAgo * 60_000,
  })
  const gpus = [at(0, 1000, 30), at(1, 2000, 50), at(2, 1000, 10), at(3, 2000, 5)]
  const pool = poolOf(gpus, { settings: { allocation: 'mru-per-user' } })
  const chosen = (uid: number, count: number) => {
    const { result } = acquire(pool, intent({ kind: 'count', count }, uid), seenNow(allIdle(pool)))
    return result.kind === 'granted' ? result.reservation.gpus : []
  }
  expect(chosen(1000, 1)).toEqual([2])
  expect(chosen(1000, 2)).toEqual([0, 2])
  expect(chosen(1000, 3)).toEqual([0, 1, 2])
  expect(chosen(2000, 1)).toEqual([3])
  expect(chosen(3000, 1)).toEqual([1])
})

test('what this pool can never grant is impossible, all else is not', () => {
  fc.assert(
    fc.property(usedGpus, request, (gpus, wanted) => {
      const pool = poolOf(gpus)
      const never =
        wanted.kind === 'count' ? wanted.count > gpus.length : wanted.ids.some((id) => id >= gpus.length)
      const check = () => checkPossible(pool, wanted)
      if (!never) return check()
      expect(check).toThrow(CanhazgpuError)
      expect(check).toThrow(expect.objectContaining({ code: 'impossible-request' }))
    }),
  )
})
