import { expect, test } from 'bun:test'
import type { Obstacle } from '../../../src/domain/observation/obstacles.ts'
import type { ExpectedStart } from '../../../src/domain/schedule/expected-starts.ts'
import type { WaitingReason } from '../../../src/domain/schedule/queue-places.ts'
import { freeWords, obstacleWords } from '../../../src/views/words/obstacle-words.ts'
import { forecastWords, reasonWords, requestWords } from '../../../src/views/words/waiting-words.ts'
import { manualOf, owner, runOf, someUnits, theseUnits } from '../../domain/pool/builders.ts'

const HOUR = 3_600_000
const NOW = new Date(2026, 1, 28, 14, 30).getTime()
const BOB = owner(1001, 'bob')
const NEVER_ENDING = runOf({ owner: BOB })
const LIMITED = runOf({ owner: BOB, limit: { interruptAt: NOW + HOUR, killAt: NOW + HOUR } })
const MANUAL = manualOf({ owner: BOB, expiresAt: NOW + HOUR })

const LOST: Obstacle = {
  kind: 'faulty',
  unit: '3',
  fault: { kind: 'fault', code: 'reported', reason: 'GPU is lost' },
}
const OCCUPIED: Obstacle = { kind: 'occupied', unit: '2', users: ['bob', 'cyd'] }
const UNCHECKED: Obstacle = { kind: 'unchecked', unit: '1' }

test.each([
  [someUnits(1), '1 GPU'],
  [someUnits(4), '4 GPUs'],
  [theseUnits(1, 3), 'GPU 1, 3'],
] as const)('request %j: %s', (request, words) => {
  expect(requestWords(request)).toBe(words)
})

const OBSTACLES: readonly (readonly [Obstacle, string])[] = [
  [LOST, 'GPU 3 has an error: GPU is lost'],
  [OCCUPIED, 'GPU 2 used without reservation by bob, cyd'],
  [{ ...OCCUPIED, users: [] }, 'GPU 2 used without reservation by unknown users'],
  [UNCHECKED, 'GPU 1 not checked'],
]
for (const [obstacle, words] of OBSTACLES) {
  test(`obstacle: ${words}`, () => expect(obstacleWords(obstacle)).toBe(words))
}

test('the number of free GPUs, and why others cannot be granted', () => {
  expect(freeWords(2, [])).toBe('2 free')
  expect(freeWords(0, [LOST, OCCUPIED, UNCHECKED, { ...LOST, unit: '4' }])).toBe(
    '0 free, 1 in use without reservation, 2 with errors, 1 not checked',
  )
})

const REASONS: readonly (readonly [WaitingReason, string])[] = [
  [{ kind: 'short', free: 1, obstacles: [UNCHECKED] }, '1 free, 1 not checked'],
  [{ kind: 'behind', position: 2 }, 'behind position 2'],
  [{ kind: 'next' }, 'next to be served'],
  [{ kind: 'unanswered' }, 'does not respond'],
  [{ kind: 'stopped' }, 'stopped, does not count until it continues'],
]
for (const [reason, words] of REASONS) {
  test(`reason ${reason.kind}: ${words}`, () => expect(reasonWords(reason)).toBe(words))
}

const FORECASTS: readonly (readonly [ExpectedStart, string])[] = [
  [{ kind: 'at', at: NOW }, 'earliest now'],
  [{ kind: 'at', at: NOW + HOUR }, 'earliest 15:30'],
  [{ kind: 'at', at: NOW + HOUR, after: LIMITED }, "earliest 15:30 (when bob's run times out)"],
  [{ kind: 'at', at: NOW + HOUR, after: MANUAL }, "earliest 15:30 (when bob's reservation expires)"],
  [{ kind: 'unknown' }, 'earliest unknown (earlier requests have no time limit)'],
  [{ kind: 'unknown', after: NEVER_ENDING }, "earliest unknown (bob's run has no time limit)"],
  [{ kind: 'unknown', after: LIMITED }, "earliest unknown (bob's run continues after its time limit)"],
  [{ kind: 'unknown', obstacle: LOST }, 'earliest unknown (GPU 3 has an error: GPU is lost)'],
  [{ kind: 'stopped' }, 'earliest unknown (stopped)'],
]
for (const [forecast, words] of FORECASTS) {
  test(`forecast ${forecast.kind}: ${words}`, () => expect(forecastWords(forecast, NOW)).toBe(words))
}
