import { expect, test } from 'bun:test'
import fc from 'fast-check'
import type { Evidence } from '../../../src/domain/observation/allocation.ts'
import { acquire, impossibleIn } from '../../../src/domain/operation/acquisition.ts'
import type { Intent } from '../../../src/domain/operation/intent.ts'
import type { GpuUse, Pool, Request, Unit, UnitId } from '../../../src/domain/pool/model.ts'
import { unitsOf } from '../../../src/domain/pool/units.ts'
import { allIdle, anyUse, idle, readingsMap, THRESHOLD_MB, usedUnits } from '../pool/arbitraries.ts'
import { manualOf, NOON, owner, poolOf, someUnits, theseUnits, unit, units } from '../pool/builders.ts'

const HOUR = 3_600_000

function intent(request: Request, uid = 1000): Intent {
  return {
    id: 'wanted',
    request,
    owner: owner(uid, `u${uid}`),
    term: { kind: 'manual', duration: HOUR },
  }
}

const held = (gpu: number) => manualOf({ id: `held-${gpu}`, units: [gpu], owner: owner(1, 'x') })

interface Situation {
  readonly pool: Pool
  readonly uses: readonly (GpuUse | undefined)[]
}

const situation: fc.Arbitrary<Situation> = usedUnits.chain((gpus) =>
  fc.record({
    uses: fc.array(anyUse, { minLength: gpus.length, maxLength: gpus.length }),
    pool: fc.subarray([...gpus.keys()]).map((taken) => poolOf(gpus, { reservations: taken.map(held) })),
  }),
)

const request: fc.Arbitrary<Request> = fc.oneof(
  fc.integer({ min: 1, max: 8 }).map(someUnits),
  fc
    .uniqueArray(fc.integer({ min: 0, max: 7 }), { minLength: 1, maxLength: 4 })
    .map((numbers) => theseUnits(...numbers)),
)

/** A second, simple definition of the GPUs that may be granted. */
function freeByHand({ pool, uses }: Situation): Unit[] {
  const free: Unit[] = []
  for (const [number, gpu] of pool.units.entries()) {
    let taken = false
    for (const { holdings } of pool.reservations) {
      for (const holding of holdings) if (holding.unit === gpu.id) taken = true
    }
    const use = uses[number]
    const isIdle = use !== undefined && use.kind === 'measured' && use.memoryUsedMb < THRESHOLD_MB
    if (!taken && isIdle) free.push(gpu)
  }
  return free
}

/** Takes the best GPU repeatedly: never used, then longest unused, then smallest id. */
function leastRecentlyUsed(free: readonly Unit[], count: number): UnitId[] {
  const left = [...free]
  const chosen: UnitId[] = []
  while (chosen.length < count) {
    let best = 0
    for (let i = 1; i < left.length; i++) {
      const a = left[i]?.lastUse?.endedAt ?? -1
      const b = left[best]?.lastUse?.endedAt ?? -1
      if (a < b || (a === b && Number(left[i]?.id) < Number(left[best]?.id))) best = i
    }
    const [gpu] = left.splice(best, 1)
    if (gpu !== undefined) chosen.push(gpu.id)
  }
  return byNumber(chosen)
}

const byNumber = (ids: readonly UnitId[]) => ids.toSorted((a, b) => Number(a) - Number(b))

const conditionsWith = (evidence: Evidence) => ({ now: NOON.wall, stopped: () => false, evidence })

function decide({ pool, uses }: Situation, wanted: Request) {
  return acquire(
    pool,
    intent(wanted),
    conditionsWith({ readings: readingsMap(pool, uses), thresholdMb: THRESHOLD_MB }),
  )
}

test('a request gets exactly the least recently used free GPUs, or none', () => {
  fc.assert(
    fc.property(situation, request, (at, wanted) => {
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
      const expected = wanted.kind === 'count' ? leastRecentlyUsed(free, count) : byNumber(wanted.ids)
      expect(unitsOf(result.reservation)).toEqual(expected)
      expect(pool.reservations).toEqual([...at.pool.reservations, result.reservation])
    }),
    { numRuns: 500 },
  )
})

test('no GPU is in two reservations, after any grants', () => {
  fc.assert(
    fc.property(situation, fc.array(request, { maxLength: 10 }), (at, requests) => {
      let pool = at.pool
      requests.forEach((wanted, nth) => {
        const asked = { ...intent(wanted), id: `r${nth}` }
        const evidence = { readings: readingsMap(pool, at.uses), thresholdMb: THRESHOLD_MB }
        pool = acquire(pool, asked, conditionsWith(evidence)).pool
      })
      const all = pool.reservations.flatMap(unitsOf)
      expect(new Set(all).size).toBe(all.length)
    }),
  )
})

test('a refusal has the number of free GPUs, and the number and reason of those left out', () => {
  const pool = poolOf(units(5), { reservations: [held(0)] })
  const uses = [idle(9_000), idle(0), idle(2_000), { kind: 'fault', reason: 'lost' } as const, undefined]
  const { result } = decide({ pool, uses }, someUnits(2))
  expect(result).toMatchObject({
    kind: 'refused',
    shortage: {
      requested: 2,
      available: 1,
      occupied: [{ unit: '2' }],
      faulty: [
        { unit: '3', fault: { reason: 'lost' } },
        { unit: '4', fault: { code: 'unanswered' } },
      ],
      taken: [],
    },
  })
})

test('a GPU is occupied from the threshold on, and free below it', () => {
  const pool = poolOf(units(1))
  const granted = (memory: number) => decide({ pool, uses: [idle(memory)] }, someUnits(1)).result.kind
  expect(granted(THRESHOLD_MB - 1)).toBe('granted')
  expect(granted(THRESHOLD_MB)).toBe('refused')
})

test('GPUs are in numeric order, not in alphabetical order', () => {
  const granted = (pool: Pool, wanted: Request) => {
    const { result } = acquire(pool, intent(wanted), conditionsWith(allIdle(pool)))
    return result.kind === 'granted' ? unitsOf(result.reservation) : []
  }
  const pool = poolOf(units(12), { reservations: [held(0), held(1)] })
  expect(granted(pool, someUnits(3))).toEqual(['2', '3', '4'])
  expect(granted(pool, theseUnits(11, 3, 10))).toEqual(['3', '10', '11'])
})

test('mru-per-user prefers the GPUs that the account used last', () => {
  const at = (number: number, uid: number, minutesAgo: number) =>
    unit(number, { lastUse: { endedAt: NOON.wall - minutesAgo * 60_000, uid } })
  const gpus = [at(0, 1000, 30), at(1, 2000, 50), at(2, 1000, 10), at(3, 2000, 5)]
  const pool = poolOf(gpus, { policy: { allocation: 'mru-per-user' } })
  const chosen = (uid: number, count: number) => {
    const { result } = acquire(pool, intent(someUnits(count), uid), conditionsWith(allIdle(pool)))
    return result.kind === 'granted' ? unitsOf(result.reservation) : []
  }
  expect(chosen(1000, 1)).toEqual(['2'])
  expect(chosen(1000, 2)).toEqual(['0', '2'])
  expect(chosen(1000, 3)).toEqual(['0', '1', '2'])
  expect(chosen(2000, 1)).toEqual(['3'])
  expect(chosen(3000, 1)).toEqual(['1'])
})

test('a request is impossible only if this pool can never grant it', () => {
  fc.assert(
    fc.property(usedUnits, request, (gpus, wanted) => {
      const pool = poolOf(gpus)
      const never =
        wanted.kind === 'count'
          ? wanted.count > gpus.length
          : wanted.ids.some((id) => Number(id) >= gpus.length)
      const refusal = impossibleIn(pool, wanted)
      if (never) expect(refusal?.refused.code).toBe('impossible')
      else expect(refusal).toBeNull()
    }),
  )
})
