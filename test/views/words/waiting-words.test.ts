import { expect, test } from 'bun:test'
import type { Reservation } from '../../../src/domain/pool/model.ts'
import { wholeUnits } from '../../../src/domain/pool/units.ts'
import type { ExpectedStart } from '../../../src/domain/schedule/expected-starts.ts'
import type { WaitingReason } from '../../../src/domain/schedule/queue-places.ts'
import { requestWords } from '../../../src/views/words/request-words.ts'
import { forecastWords, reasonWords } from '../../../src/views/words/waiting-words.ts'

const NOW = new Date(2026, 1, 28, 14, 30).getTime()
const HOUR = 3_600_000

const owner = { account: { uid: 1000, name: 'alice' }, shownName: 'alice' }
const held = { id: 'held', holdings: wholeUnits(['0']), startedAt: NOW }
const MANUAL: Reservation = { ...held, owner, term: { kind: 'manual', expiresAt: NOW + HOUR } }
const BOOKING: Reservation = { ...held, owner, term: { kind: 'booking', from: NOW, until: NOW + HOUR } }

/** A run of account bob under the shown name alice. */
function runOf(limit?: number): Reservation {
  const process = { pid: 1, startTime: 1, bootId: 'b', pidNamespace: 'p' }
  const timeLimit = limit === undefined ? {} : { limit: { interruptAt: limit, killAt: limit } }
  return {
    ...held,
    owner: { account: { uid: 1001, name: 'bob' }, shownName: 'alice' },
    term: { kind: 'run', process, heartbeatAt: NOW, command: 'train', ...timeLimit },
  }
}

const FAULTY = {
  kind: 'faulty',
  unit: '1',
  fault: { kind: 'fault', code: 'reported', reason: 'GPU is lost' },
} as const
const OCCUPIED = { kind: 'occupied', unit: '3', users: ['bob', 'eve'] } as const
const UNCHECKED = { kind: 'unchecked', unit: '2' } as const

test.each<[ExpectedStart, string]>([
  [{ kind: 'at', at: NOW }, 'earliest now'],
  [{ kind: 'at', at: NOW + HOUR }, 'earliest 15:30'],
  [{ kind: 'at', at: NOW + HOUR, after: MANUAL }, "earliest 15:30 (when alice's reservation expires)"],
  [{ kind: 'at', at: NOW + HOUR, after: BOOKING }, "earliest 15:30 (when alice's booking ends)"],
  [
    { kind: 'at', at: NOW + 12 * HOUR, after: runOf(NOW) },
    "earliest tomorrow 02:30 (when alice (bob)'s run times out)",
  ],
  [{ kind: 'unknown' }, 'earliest unknown (earlier requests have no time limit)'],
  [{ kind: 'unknown', after: runOf() }, "earliest unknown (alice (bob)'s run has no time limit)"],
  [
    { kind: 'unknown', after: runOf(NOW) },
    "earliest unknown (alice (bob)'s run continues after its time limit)",
  ],
  [{ kind: 'unknown', obstacle: FAULTY }, 'earliest unknown (GPU 1 has an error: GPU is lost)'],
  [{ kind: 'unknown', obstacle: OCCUPIED }, 'earliest unknown (GPU 3 used without reservation by bob, eve)'],
  [
    { kind: 'unknown', obstacle: { ...OCCUPIED, users: [] } },
    'earliest unknown (GPU 3 used without reservation by unknown users)',
  ],
  [{ kind: 'unknown', obstacle: UNCHECKED }, 'earliest unknown (GPU 2 not checked)'],
  [{ kind: 'stopped' }, 'earliest unknown (stopped)'],
])('the expected start %j', (forecast, words) => {
  expect(forecastWords(forecast, NOW)).toBe(words)
})

test.each<[WaitingReason, string]>([
  [{ kind: 'short', free: 2, obstacles: [] }, '2 free'],
  [
    { kind: 'short', free: 0, obstacles: [OCCUPIED, FAULTY, FAULTY, UNCHECKED] },
    '0 free, 1 in use without reservation, 2 with errors, 1 not checked',
  ],
  [
    {
      kind: 'booked',
      booked: ['ann', 'ben', 'ann'].map((by) => ({ unit: '1', id: 'a', by, from: 0, until: 1 })),
    },
    'the free GPUs are booked too soon, by ann, ben',
  ],
  [{ kind: 'behind', position: 3 }, 'behind position 3'],
  [
    { kind: 'over-limit', used: 2, most: 2, scope: { kind: 'group', gid: 500, name: 'students' } },
    'limit of 2 GPUs reached (max-gpus of group students): has 2',
  ],
  [{ kind: 'next' }, 'next to be served'],
  [{ kind: 'unanswered' }, 'does not respond'],
  [{ kind: 'stopped' }, 'stopped, does not count until it continues'],
])('the reason %j', (reason, words) => {
  expect(reasonWords(reason)).toBe(words)
})

test('the requested GPUs', () => {
  expect(requestWords({ kind: 'count', count: 1 })).toBe('1 GPU')
  expect(requestWords({ kind: 'count', count: 4 })).toBe('4 GPUs')
  const typed = { kind: 'count', count: 2, gpuTypes: ['h100', 'a100'] } as const
  expect(requestWords(typed)).toBe('2 GPUs of type h100 or a100')
  expect(requestWords({ ...typed, leastMemoryMb: 38_146 })).toBe(
    '2 GPUs of type h100 or a100 with at least 40G',
  )
  expect(requestWords({ kind: 'count', count: 1, leastMemoryMb: 40_000 })).toBe('1 GPU with at least 40000MB')
  expect(requestWords({ kind: 'ids', ids: ['0', '2'] })).toBe('GPU 0, 2')
})
