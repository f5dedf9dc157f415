import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import * as v from 'valibot'
import { readQueuePart, readStatusPart, readUsagePart } from '../../../src/views/fleet/read-parts.ts'
import { queuePart, statusPart, usagePart } from '../../../src/views/schemas/fleet.ts'

const NEXT = {
  booking: 'b',
  user: 'ann',
  from: '2026-11-27T11:00:00.000Z',
  until: '2026-11-27T12:00:00.000Z',
}
const DRAIN = { by: 'root', since: '2026-11-27T11:00:00Z', reason: 'fan' }

/** Documents with every field. */
const STATUS = {
  version: 1,
  next_sign_seconds: 15,
  waiting: 2,
  gpus: [
    { gpu_id: 0, status: 'AVAILABLE', gpu_model: 'NVIDIA H200' },
    {
      ...{
        gpu_id: 1,
        status: 'IN_USE',
        gpu_model: 'NVIDIA H200',
        model: 'llama',
        user: 'ann',
        account: 'ben',
      },
      ...{
        type: 'RUN',
        note: 'nightly',
        duration_seconds: 3,
        started_at: NEXT.from,
        last_heartbeat: NEXT.from,
      },
      ...{ expiry_time: NEXT.until, last_released: NEXT.from, memory_used_mb: 0.5, memory_total_mb: 81_920 },
      ...{
        utilization_percent: 99,
        temperature_c: -3,
        power_w: 70.5,
        error: 'lost',
        reason: { code: 'missing' },
      },
      processes: [{ pid: 1, name: 'python', user: 'ann', memory_mb: 3 }],
      ...{ unreserved_users: ['ann'], other_users: ['ben'], drain: DRAIN, booked: NEXT, details: 'x' },
      ...{ validation: 'y', stale: { reason: 'late', reason_code: 'driver-failed', since: NEXT.from } },
    },
  ],
}
const QUEUE = {
  version: 1,
  next_sign_seconds: 60,
  left_out: 3,
  places: [
    {
      ...{
        position: 1,
        user: 'ann',
        account: 'ann',
        type: 'MANUAL',
        request: '2 GPUs',
        gpus: 2,
        gpu_ids: [0],
      },
      ...{ gpu_types: ['h100'], min_memory_mb: 1, waiting_since: NEXT.from, waiting_seconds: 1 },
      ...{ gives_up_at: NEXT.until, reason: '1 free', reason_code: 'short', free: 1, behind_position: 1 },
      unavailable_gpus: [
        {
          ...{ gpu_id: 1, status: 'ERROR', error: 'lost', reason: { code: 'reported' } },
          ...{ unreserved_users: ['ben'], drain: DRAIN },
        },
      ],
      ...{ booked: [{ gpu_id: 1, ...NEXT }], used: 1, most: 2, driver_trouble: 'x' },
      ...{ driver_trouble_code: 'driver-missing', earliest_start: NEXT.from, note: 'n' },
    },
  ],
}
const USAGE = {
  version: 1,
  next_sign_seconds: 15,
  days: [{ date: '2026-11-27', users: [{ user: 'ann', account: 'ann', gpu_hours: 1.5, run: 2, manual: 0 }] }],
}

const PARTS = [
  ['status', STATUS, statusPart, (text: string) => readStatusPart(text, -1e15)],
  ['queue', QUEUE, queuePart, readQueuePart],
  ['usage', USAGE, usagePart, readUsagePart],
] as const

/** Values that a field may wrongly have; valibot accepts each of them somewhere. */
const VALUES: readonly unknown[] = [
  null,
  true,
  'x',
  '',
  0,
  -1,
  0.5,
  7,
  1e9,
  [],
  {},
  [null],
  '2026-13-01',
  NEXT.from,
]

describe.each(PARTS)('what another host wrote: %s', (_, document, schema, read) => {
  test('every known field is read', () => {
    expect(v.is(schema, document)).toBe(true)
    expect<unknown>(read(JSON.stringify(document))).toEqual(document)
  })

  test('a field of a later version is left out', () => {
    const later = JSON.stringify(document, (_key, value: unknown) =>
      typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value, later: 1 } : value,
    )
    expect<unknown>(read(later)).toEqual(document)
  })

  test('it is accepted if the schema accepts it, whatever one of its values is', () => {
    const places = placesIn(document)
    fc.assert(
      fc.property(fc.constantFrom(...places), fc.constantFrom(...VALUES, undefined), (path, value) => {
        const changed = withValue(document, path, value)
        const json = JSON.stringify(changed)
        expect(read(json) !== undefined).toBe(v.is(schema, JSON.parse(json)))
      }),
      { numRuns: 2_000 },
    )
  })

  test.each(['', '{', 'null', '[]', '7', '{"version":2}', `{"version":1,"gpus":{}}`, '['.repeat(100_000)])(
    'no document: %j',
    (text) => {
      expect(read(text)).toBeUndefined()
    },
  )
})

type Path = readonly (string | number)[]

function placesIn(value: unknown, path: Path = []): readonly Path[] {
  if (typeof value !== 'object' || value === null) return [path]
  const inner = Object.entries(value).flatMap(([key, each]) => placesIn(each, [...path, key]))
  return path.length === 0 ? inner : [path, ...inner]
}

function withValue(document: unknown, path: Path, value: unknown): unknown {
  const [key, ...rest] = path
  if (key === undefined) return value
  const copy: Record<string, unknown> | unknown[] = Array.isArray(document)
    ? [...document]
    : { ...(document as object) }
  const content = copy as Record<string | number, unknown>
  content[key] = withValue(content[key], rest, value)
  return copy
}
