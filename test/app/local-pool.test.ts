import { describe, expect, test } from 'bun:test'
import * as v from 'valibot'
import { MemoryPlace } from '../../src/adapters/memory/memory-place.ts'
import { MemoryStore } from '../../src/adapters/memory/memory-store.ts'
import { LocalPool, type SamplePurpose } from '../../src/app/local-pool.ts'
import { AnnouncingStore } from '../../src/daemon/announcing-store.ts'
import { EndedReservations } from '../../src/daemon/ended-reservations.ts'
import { CanhazgpuError } from '../../src/domain/errors.ts'
import type { Sample } from '../../src/domain/observation/sample.ts'
import type { Pool, Probe } from '../../src/domain/pool/model.ts'
import { statusDocument } from '../../src/views/documents/status-document.ts'
import { summaryDocument } from '../../src/views/documents/summary-document.ts'
import * as schemas from '../../src/views/schemas/status.ts'
import { ALICE, NOON, poolOf, someUnits, units, waiterOf } from '../domain/pool/builders.ts'

const PROBE: Probe = {
  provider: 'fake',
  readings: units(2).map(({ device }, index) => ({
    ...{ index, ...device },
    state: { kind: 'measured', memoryUsedMb: 5, processes: [] },
  })),
}
const FAILURE = new CanhazgpuError('driver-unresponsive', 'the driver did not answer', { hint: 'see dmesg' })
/** A plain value, so that it can be sent. */
const SHOWN = {
  code: 'driver-unresponsive',
  message: 'the driver did not answer',
  hint: 'see dmesg',
} as const
const STALE: Sample = { probe: PROBE, stale: { ageMs: 60_000, failure: FAILURE } }

/** A service whose driver gives this sample. */
function newService(sample: Sample, parts: Partial<Pool> = {}) {
  const place = new MemoryPlace()
  place.pool = poolOf(units(2), parts)
  const purposes: SamplePurpose[] = []
  const service = new LocalPool({
    store: new MemoryStore(place, () => NOON),
    processes: { alive: () => 'alive', stopped: () => false },
    actor: async () => ALICE.account,
    driver: {
      sample: async (_, purpose) => {
        purposes.push(purpose)
        return sample
      },
      askedThresholdMb: null,
      seesOwners: () => true,
    },
  })
  return { service, purposes }
}

const issues = (schema: v.GenericSchema, document: unknown) => v.safeParse(schema, document).issues ?? []

test('samples are for decisions in operations, and for views in views', async () => {
  const { service, purposes } = newService({ probe: PROBE }, { queue: [waiterOf()] })
  for (const view of ['status', 'queue', 'observed'] as const) await service.view(view)
  expect(purposes).toEqual(['view', 'view', 'view'])
  const term = { kind: 'manual', duration: 60_000 } as const
  await service.perform({
    op: 'acquire',
    intent: { id: 'mine', request: someUnits(1), owner: ALICE, term },
  })
  await service.perform({ op: 'adopt-devices' })
  expect(purposes.slice(3)).toEqual(['decision', 'decision'])
})

describe('stale readings', () => {
  test('status shows them, marked in text and JSON', async () => {
    const overview = await newService(STALE).service.view('status')
    const since = NOON.wall - 60_000
    expect(overview.gpus.map(({ kind }) => kind)).toEqual(['available', 'available'])
    expect(overview.stale).toEqual({ since, failure: SHOWN })
    expect(overview.driverFailure).toBeUndefined()
    const stale = {
      reason: 'the driver did not answer',
      reason_code: 'driver-unresponsive',
      since: new Date(since).toISOString(),
    } as const
    const gpus = statusDocument(overview)
    expect(gpus.map((gpu) => gpu.stale)).toEqual([stale, stale])
    expect(issues(schemas.status, gpus)).toEqual([])
    const summary = summaryDocument(overview)
    expect(summary).toMatchObject({ available: 2, stale })
    expect(issues(schemas.summary, summary)).toEqual([])
  })

  test('the queue has none, as nothing is granted on them', async () => {
    const { service } = newService(STALE, { queue: [waiterOf()] })
    const { places, driverFailure } = await service.view('queue')
    expect(driverFailure).toBe(FAILURE)
    expect(places).toMatchObject([{ reason: { kind: 'short', free: 0 } }])
  })

  test('an observation that is only shown has their time', async () => {
    const { observation, stale } = await newService(STALE).service.view('observed')
    expect(observation.probe).toBe(PROBE)
    expect(stale).toEqual({ since: NOON.wall - 60_000, failure: SHOWN })
  })
})

test('a status without stale readings says nothing of them', async () => {
  const overview = await newService({ probe: PROBE }).service.view('status')
  expect('stale' in overview).toBe(false)
  expect(statusDocument(overview).some((gpu) => 'stale' in gpu)).toBe(false)
  expect('stale' in summaryDocument(overview)).toBe(false)
})

test('a process that ends while its request waits for its turn is granted nothing', async () => {
  let isGone = false
  const place = new MemoryPlace()
  place.pool = poolOf(units(2))
  const service = new LocalPool({
    store: new MemoryStore(place, () => NOON),
    processes: { alive: () => 'alive', stopped: () => false },
    // The last step before the store is asked.
    actor: async () => {
      isGone = true
      return ALICE.account
    },
    isRequesterGone: () => isGone,
    driver: { sample: async () => ({ probe: PROBE }), askedThresholdMb: null, seesOwners: () => true },
  })
  const intent = {
    id: 'late',
    request: someUnits(1),
    owner: ALICE,
    term: { kind: 'manual', duration: 60_000 },
  } as const
  expect(await service.perform({ op: 'acquire', intent })).toEqual({ refused: { code: 'gone' } })
  expect(place.pool?.reservations).toEqual([])
  expect(await service.perform({ op: 'settle' })).not.toEqual({ refused: { code: 'gone' } })
})

test('a request that is repeated is granted nothing if its reservation ended while it waited for its turn', async () => {
  const place = new MemoryPlace()
  place.pool = poolOf(units(2))
  const ended = new EndedReservations()
  const store = new AnnouncingStore({
    ...{ store: new MemoryStore(place, () => NOON), uid: 0, inTurn: (_, change) => void change() },
    checks: { refresh: () => {}, isWatched: () => false, faultIn: () => undefined },
  })
  store.onCommit((before, after) => ended.follow(before, after))
  const service = new LocalPool({
    store,
    processes: { alive: () => 'alive', stopped: () => false },
    actor: async () => ALICE.account,
    hasEnded: (id) => ended.has(id),
    driver: { sample: async () => ({ probe: PROBE }), askedThresholdMb: null, seesOwners: () => true },
  })
  const term = { kind: 'manual', duration: 60_000 } as const
  const acquire = {
    op: 'acquire',
    intent: { id: 'mine', request: someUnits(1), owner: ALICE, term },
  } as const
  const granted = { kind: 'granted', grant: { reservation: { id: 'mine' } } }
  expect(await service.perform(acquire)).toMatchObject(granted)
  // The daemon was killed before it answered.
  expect(await service.perform(acquire)).toMatchObject(granted)
  await service.perform({ op: 'release' })
  expect(place.pool?.reservations).toEqual([])
  await expect(service.perform(acquire)).rejects.toMatchObject({ code: 'not-enough-gpus' })
  expect(await service.perform({ ...acquire, intent: { ...acquire.intent, id: 'next' } })).toMatchObject({
    kind: 'granted',
  })
})
