import { describe, expect, test } from 'bun:test'
import type { GpuStatus, Overview } from '../../../src/domain/observation/status.ts'
import type { BookedUp, Unbookable } from '../../../src/domain/operation/refusal.ts'
import type { Booked } from '../../../src/domain/pool/bookings.ts'
import type { Booking } from '../../../src/domain/pool/model.ts'
import { wholeUnits } from '../../../src/domain/pool/units.ts'
import { bookedWords, cancelledWords } from '../../../src/views/words/booking-answers.ts'
import { bookingWords } from '../../../src/views/words/booking-words.ts'
import { scheduleText } from '../../../src/views/words/schedule-words.ts'
import { statusLine } from '../../../src/views/words/status/line.ts'
import {
  ALICE,
  bookingOf,
  manualOf,
  NOON,
  owner,
  poolOf,
  runOf,
  someUnits,
  theseUnits,
  unit,
} from '../../domain/pool/builders.ts'

const NOW = NOON.wall
const MINUTE = 60_000
const HOUR = 60 * MINUTE

const later = (parts: Partial<Booking> = {}): Booking => ({
  ...{ id: '3f2a8c1e90ab', owner: owner(1001, 'ann'), request: someUnits(2), bookedAt: NOW },
  holdings: wholeUnits(['0', '1']),
  term: { kind: 'booking', from: NOW + 21 * HOUR, until: NOW + 25 * HOUR },
  ...parts,
})

test('the answer to a booking says exactly what was understood, and how to cancel it', () => {
  expect(bookedWords(later())).toBe(
    'Booked 2 GPUs from Mon 2026-03-02 09:00 +00:00 until Mon 2026-03-02 13:00 +00:00\n' +
      "Booking 3f2a8c1e90ab: 'canhazgpu release 3f2a8c1e90ab' cancels it\n",
  )
  const exact = later({ request: theseUnits(1, 3) })
  expect(cancelledWords(exact)).toBe(
    'Cancelled the booking of GPU 1, 3 from Mon 2026-03-02 09:00 +00:00 until Mon 2026-03-02 13:00 +00:00\n',
  )
})

const booked = (gpu: string, parts: Partial<Booked> = {}): Booked => ({
  ...{ unit: gpu, id: 'a', by: 'ann', from: NOW + 10 * HOUR, until: NOW + 14 * HOUR },
  ...parts,
})
const UP: BookedUp = { code: 'booked', now: NOW, booked: [booked('3')], requested: 1, available: 0 }
const run = { ...UP, term: 'run', longest: 10 * HOUR, grace: 30_000 } as const
const manual = { ...UP, term: 'manual', longest: 10 * HOUR } as const
const SINCE = { from: NOW - MINUTE }

describe('a request before a booking', () => {
  const CASES: readonly (readonly [BookedUp, string, string?])[] = [
    [run, 'GPU 3 is free until 22:00 (booked by ann): add --timeout 9h55m or --until-booked'],
    [manual, 'GPU 3 is free until 22:00 (booked by ann): use --duration 9h55m'],
    [
      { ...run, asked: 12 * HOUR },
      'GPU 3 is free until 22:00 (booked by ann): --timeout 12h is too long, use --timeout 9h55m or --until-booked',
    ],
    [
      { ...manual, asked: 11.5 * HOUR },
      'GPU 3 is free until 22:00 (booked by ann): --duration 11h30m is too long, use --duration 9h55m',
    ],
    [
      { ...run, grace: 20 * MINUTE },
      'GPU 3 is free until 22:00 (booked by ann): add --timeout 9h35m or --until-booked',
    ],
    [
      { ...run, booked: [...'0123'].map((gpu) => booked(gpu, { id: gpu })), longest: 0 },
      'GPU 0 is free until 22:00 (booked by ann), GPU 1 is free until 22:00 (booked by ann), GPU 2 is free until 22:00 (booked by ann), GPU 3 is free until 22:00 (booked by ann)',
      "wait in the queue with --wait, or see 'canhazgpu schedule'",
    ],
    [
      { ...run, longest: 10 * MINUTE },
      'GPU 3 is free until 22:00 (booked by ann): add --timeout 9m or --until-booked',
    ],
    [
      {
        ...run,
        booked: [booked('3'), booked('4'), booked('7', { id: 'b', by: 'ben', from: NOW + 13 * HOUR })],
      },
      'GPUs 3-4 are free until 22:00 (booked by ann), GPU 7 is free until tomorrow 01:00 (booked by ben): add --timeout 9h55m or --until-booked',
    ],
    [
      { ...run, booked: [...'012345'].map((gpu) => booked(gpu, { id: gpu })) },
      'GPU 0 is free until 22:00 (booked by ann), GPU 1 is free until 22:00 (booked by ann), GPU 2 is free until 22:00 (booked by ann) and 3 other bookings: add --timeout 9h55m or --until-booked',
    ],
    [
      { ...UP, term: 'run', booked: [booked('3', SINCE)] },
      'GPU 3 is booked by ann since 11:59',
      "wait in the queue with --wait, or see 'canhazgpu schedule'",
    ],
    [
      { code: 'booked', now: NOW, booked: [booked('3')] },
      'GPU 3 is booked by ann from 22:00 until tomorrow 02:00',
      "see 'canhazgpu schedule'",
    ],
    [
      { ...run, booked: [booked('3', { by: 'ann\u001b[2J' })] },
      'GPU 3 is free until 22:00 (booked by ann [2J): add --timeout 9h55m or --until-booked',
    ],
  ]
  for (const [reason, message, hint] of CASES) {
    test(message, () => {
      expect(bookingWords(reason)).toEqual({
        ...{ code: 'not-enough-gpus', message },
        ...(hint === undefined ? {} : { hint }),
      })
    })
  }

  test('a suggested time limit still fits half a minute later', () => {
    for (const longest of [2 * MINUTE, 31 * MINUTE, 90 * MINUTE, 10 * HOUR]) {
      const { message } = bookingWords({ ...run, longest })
      const [, hours = '0', minutes = '0'] = /--timeout (?:(\d+)h)?(?:(\d+)m)?/.exec(message) ?? []
      const suggested = Number(hours) * HOUR + Number(minutes) * MINUTE
      expect(suggested).toBeGreaterThan(0)
      expect(suggested + MINUTE).toBeLessThanOrEqual(longest)
    }
  })
})

test('a booking for which the calendar has no room', () => {
  const reason: Unbookable = {
    ...{ code: 'unbookable', requested: 4, available: 1, now: NOW },
    ...{ from: NOW + 21 * HOUR, until: NOW + 22 * HOUR },
    busy: [{ unit: '0', owner: 'bob', own: false }],
    booked: [booked('2'), booked('2', { id: 'b', from: NOW + 15 * HOUR, until: NOW + 16 * HOUR })],
    ...{ draining: [], occupied: [{ unit: '3', users: ['eve'] }], faulty: [] },
  }
  expect(bookingWords(reason)).toEqual({
    code: 'not-enough-gpus',
    message:
      'Not enough GPUs from Mon 2026-03-02 09:00 +00:00 until Mon 2026-03-02 10:00 +00:00. Requested: 4, Available: 1 (1 GPUs held, 1 GPUs booked, 1 GPUs in use without reservation)',
    hint: "bob holds 0; GPU 2 is booked by ann from 22:00 until tomorrow 02:00, GPU 2 is booked by ann from tomorrow 03:00 until tomorrow 04:00; see 'canhazgpu schedule'",
  })
  expect(
    bookingWords({ ...reason, busy: [], booked: [], occupied: [], earliest: NOW + 30 * HOUR + MINUTE }).hint,
  ).toBe("it fits --at 'Mon 2026-03-02 18:01 +00:00'")
})

test('an operation that would break bookings names them, and how root can cancel them', () => {
  const span = 'from Mon 2026-03-02 09:00 +00:00 until Mon 2026-03-02 13:00 +00:00'
  const broken = (...bookings: readonly Booking[]) => bookingWords({ code: 'breaks-bookings', bookings })
  expect(broken(later())).toEqual({
    code: 'not-enough-gpus',
    message: `No GPUs would be left for the booking 3f2a8c1e90ab of ann (2 GPUs ${span})`,
    hint: "root can cancel it with 'canhazgpu release 3f2a8c1e90ab'",
  })
  const others = ['a', 'b', 'c', 'd', 'e'].map((id) => later({ id }))
  expect(broken(...others)).toEqual({
    code: 'not-enough-gpus',
    message: `No GPUs would be left for the bookings a of ann (2 GPUs ${span}), b of ann (2 GPUs ${span}), c of ann (2 GPUs ${span}) and 2 other bookings`,
    hint: "root can cancel them with 'canhazgpu release a', 'canhazgpu release b', 'canhazgpu release c', and the same for the others: see 'canhazgpu schedule'",
  })
})

test('status shows the next booking of a free GPU', () => {
  const use = { kind: 'measured', memoryUsedMb: 45, processes: [] } as const
  const lastUse = { endedAt: NOW - 90 * MINUTE, uid: 1000 }
  const plain = { color: false, terminal: false, columns: Number.POSITIVE_INFINITY }
  const view = { now: NOW, thresholdMb: 1024 }
  for (const [status, line] of [
    [
      { kind: 'available', unit: unit(3, { lastUse }), use, booked: booked('3') },
      'GPU 3: AVAILABLE (last released 1h 30m 0s ago, booked by ann from 22:00) [validated: 45MB used]',
    ],
    [
      { kind: 'available', unit: unit(3), use, booked: booked('3', { from: NOW + 21 * HOUR }) },
      'GPU 3: AVAILABLE (never used, booked by ann from tomorrow 09:00) [validated: 45MB used]',
    ],
    [
      { kind: 'available', unit: unit(3), use, booked: booked('3', { by: 'a\u001b[2J' }) },
      'GPU 3: AVAILABLE (never used, booked by a [2J from 22:00) [validated: 45MB used]',
    ],
  ] as const) {
    expect(statusLine(status, view, plain)).toBe(line)
  }
})

describe('schedule', () => {
  const use = { kind: 'measured', memoryUsedMb: 0, processes: [] } as const
  const drain = { since: NOW, by: ALICE.account }
  const bob = owner(1002, 'bob')
  const run = runOf({ units: [1], limit: { interruptAt: NOW + 2 * HOUR, killAt: NOW + 2 * HOUR } })
  const gpus: readonly GpuStatus[] = [
    { kind: 'available', unit: unit(0), use },
    { kind: 'reserved', unit: unit(1), use, reservation: run },
    { kind: 'reserved', unit: unit(2), use, reservation: runOf({ units: [2], owner: bob }) },
    { kind: 'drained', unit: unit(3, { drain }), use, drain },
    { kind: 'unreserved', unit: unit(4), use },
    { kind: 'reserved', unit: unit(5), use, reservation: bookingOf({ id: 'begun', units: [5], owner: bob }) },
    { kind: 'reserved', unit: unit(6, { drain }), use, reservation: manualOf({ units: [6] }) },
  ]
  const shown = (bookings: readonly Booking[], all = gpus): Overview => {
    const reservations = all.flatMap((gpu) => (gpu.kind === 'reserved' ? [gpu.reservation] : []))
    const units = all.map(({ unit }) => unit)
    return {
      gpus: all,
      view: { now: NOW, thresholdMb: 1024 },
      pool: poolOf(units, { reservations, bookings }),
    }
  }

  test('bookings in the order of their begin, and the gaps of each GPU', () => {
    const late = later({
      ...{ id: 'late', request: theseUnits(2), holdings: wholeUnits(['2']), note: 'demo\u001b[2J' },
      term: { kind: 'booking', from: NOW - MINUTE, until: NOW + HOUR },
    })
    expect(scheduleText(shown([late, later()]), Number.POSITIVE_INFINITY)).toBe(
      `BOOKING       USER  GPUS          FROM            UNTIL           STATE               NOTE
begun         bob   GPU 5         11:00           13:00           begun
late          ann   GPU 2         11:59           13:00           waits for its GPUs  demo [2J
3f2a8c1e90ab  ann   2 GPUs (0-1)  tomorrow 09:00  tomorrow 13:00

GPU 0: free until tomorrow 09:00, booked by ann until tomorrow 13:00, then free
GPU 1: alice (run) until 14:00, free until tomorrow 09:00, booked by ann until tomorrow 13:00, then free
GPU 2: bob (run), end unknown, booked by ann from 11:59 until 13:00, then free
GPU 3: drained
GPU 4: used without reservation
GPU 5: bob (booking) until 13:00, then free
GPU 6: alice (manual) until 13:00, then drained
`,
    )
  })

  test('of many bookings the first are named, and ids stay whole on a narrow terminal', () => {
    const bookings = Array.from({ length: 20 }, (_, at) =>
      later({
        ...{ id: `3f2a8c1e90${at + 10}`, request: theseUnits(0), holdings: wholeUnits(['0']) },
        ...{ note: 'a note that is much longer than the terminal is wide', owner: bob },
        term: { kind: 'booking', from: NOW + (2 * at + 1) * HOUR, until: NOW + (2 * at + 2) * HOUR },
      }),
    )
    const lines = scheduleText(shown(bookings, gpus.slice(0, 1)), 60).split('\n')
    expect(lines.at(-2)).toBe(
      'GPU 0: free until 13:00, booked by bob until 14:00, free until 15:00, booked by bob until 16:00, free until 17:00, booked by bob until 18:00, and 17 more bookings',
    )
    for (const [at, { id }] of bookings.entries()) expect(lines[at + 1]?.startsWith(`${id}  `)).toBe(true)
  })

  test('without bookings', () => {
    expect(scheduleText(shown([], gpus.slice(0, 1)), Number.POSITIVE_INFINITY)).toBe(
      'No bookings\n\nGPU 0: free\n',
    )
  })
})
