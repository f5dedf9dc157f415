import { expect, test } from 'bun:test'
import { withoutExpired } from '../../../src/views/fleet/expired.ts'
import type { StatusDocument } from '../../../src/views/schemas/status.ts'

const HOUR = 3_600_000
/** The clock of the host need not be that of the reader. */
const STARTED = Date.parse('2031-05-01T10:00:00.500Z')
const at = (ms: number): string => new Date(STARTED + ms).toISOString()

/** A reservation of 2 hours, half an hour after its begin. */
const HELD: StatusDocument = {
  gpu_id: 0,
  status: 'IN_USE',
  gpu_model: 'Fake GPU',
  user: 'ann',
  account: 'ann',
  type: 'MANUAL',
  note: 'n',
  started_at: at(0),
  duration_seconds: 1800,
  expiry_time: at(2 * HOUR),
  memory_used_mb: 0,
  details: 'expires in 1h 30m 0s',
  validation: 'no actual usage detected',
}

const later = (gpu: StatusDocument, age: number): StatusDocument | undefined =>
  withoutExpired({ version: 1, waiting: 0, gpus: [gpu] }, age).gpus[0]

test('a reservation is shown as held until it expires, by the clock of its host, and not after that', () => {
  expect(later(HELD, 0)).toBe(HELD)
  expect(later(HELD, 1.5 * HOUR - 1)).toBe(HELD)
  expect(later(HELD, 1.5 * HOUR)).toEqual({
    gpu_id: 0,
    status: 'AVAILABLE',
    gpu_model: 'Fake GPU',
    memory_used_mb: 0,
    last_released: at(2 * HOUR),
    details: 'last released 0h 0m 0s ago',
    validation: '0MB used',
  })
  expect(later(HELD, 3 * HOUR)?.details).toBe('last released 1h 30m 0s ago')
})

test.each([
  ['a booking', { type: 'BOOKING' }, 'AVAILABLE'],
  ['what is still in use', { memory_used_mb: 8000, other_users: ['ben'] }, 'UNRESERVED'],
  ['a drained GPU', { drain: { by: 'root', since: at(0), reason: 'fan' } }, 'DRAINED'],
  ['a faulty GPU', { error: 'lost', reason: { code: 'missing' } }, 'ERROR'],
  ['a run, whose end its supervisor decides', { type: 'RUN' }, 'IN_USE'],
  ['a time that makes no sense', { expiry_time: '2031-02-31T99:00:00Z' }, 'IN_USE'],
] as const)('after the end: %s', (_, fields, status) => {
  expect(later({ ...HELD, ...fields } as StatusDocument, 2 * HOUR)?.status).toBe(status)
})

test('without an end it stays', () => {
  const { expiry_time: _, ...endless } = HELD
  expect(later(endless, 1_000 * HOUR)).toBe(endless)
})

test('each GPU is looked at, whatever the others say', () => {
  const free: StatusDocument = { gpu_id: 1, status: 'AVAILABLE', gpu_model: 'Fake GPU' }
  const strange = { ...HELD, gpu_id: 2, started_at: '2031-02-31T99:00:00Z', expiry_time: at(-HOUR) }
  const long = { ...HELD, gpu_id: 3, expiry_time: at(9 * HOUR) }
  for (const gpus of [
    [free, HELD, long],
    [strange, free, HELD, long],
  ]) {
    const shown = withoutExpired({ version: 1, waiting: 0, gpus }, 2 * HOUR).gpus
    expect(shown.slice(-2).map(({ status }) => status)).toEqual(['AVAILABLE', 'IN_USE'])
    expect(shown.slice(0, -2)).toEqual(gpus.slice(0, -2))
  }
  const idle = { version: 1, waiting: 0, gpus: [free] } as const
  expect(withoutExpired(idle, HOUR)).toBe(idle)
})
