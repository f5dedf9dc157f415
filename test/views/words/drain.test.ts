import { expect, test } from 'bun:test'
import type { GpuStatus, View } from '../../../src/domain/observation/status.ts'
import type { Drain, GpuMeasurement } from '../../../src/domain/pool/model.ts'
import { drainAnswer, restoreAnswer } from '../../../src/views/words/drain-answers.ts'
import { freeWords, obstacleWords } from '../../../src/views/words/obstacle-words.ts'
import { statusLine } from '../../../src/views/words/status/line.ts'
import { statusSummary } from '../../../src/views/words/status/summary.ts'
import { statusTable } from '../../../src/views/words/status/table.ts'
import { manualOf, NOON, unit } from '../../domain/pool/builders.ts'

const NOW = NOON.wall
const VIEW: View = { now: NOW, thresholdMb: 1024 }
const PLAIN = { color: false, terminal: false, columns: Number.POSITIVE_INFINITY }
const FAN: Drain = { since: NOW - 3_723_000, by: { uid: 0, name: 'root' }, reason: 'fan' }
const SILENT: Drain = { since: NOW, by: { uid: 1000, name: 'ann' } }
const HOSTILE: Drain = { ...FAN, reason: '\u001b[2J\nGPU 4: AVAILABLE' }

const measured = (memoryUsedMb: number, user?: string): GpuMeasurement => ({
  kind: 'measured',
  memoryUsedMb,
  processes: user === undefined ? [] : [{ pid: 7, user, name: 'python', memoryMb: memoryUsedMb }],
})

const drained = (drain: Drain, use: GpuStatus['use'] = measured(0)): GpuStatus => ({
  ...{ kind: 'drained', unit: unit(3, { drain }), use, drain },
})

const held = (drain: Drain, note?: string): GpuStatus => ({
  ...{ kind: 'reserved', unit: unit(3, { drain }), use: measured(0) },
  reservation: manualOf({ units: [3], ...(note === undefined ? {} : { note }) }),
})

const LINES: readonly (readonly [GpuStatus, string])[] = [
  [drained(FAN), 'GPU 3: DRAINED by root for 1h 2m 3s - fan [validated: 0MB used]'],
  [drained(SILENT), 'GPU 3: DRAINED by ann for 0h 0m 0s [validated: 0MB used]'],
  [
    drained(FAN, measured(9_000, 'bob')),
    'GPU 3: DRAINED by root for 1h 2m 3s - fan [validated: 9000MB, 1 processes, used by bob]',
  ],
  [
    drained(FAN, { kind: 'fault', code: 'reported', reason: 'GPU is lost' }),
    'GPU 3: DRAINED by root for 1h 2m 3s - fan [not validated: GPU is lost]',
  ],
  [
    held(FAN, 'llama'),
    'GPU 3: IN USE by alice for 1h 0m 0s (manual, expires in 1h 0m 0s) (draining: fan) - llama [validated: no actual usage detected]',
  ],
  [
    held(SILENT),
    'GPU 3: IN USE by alice for 1h 0m 0s (manual, expires in 1h 0m 0s) (draining) [validated: no actual usage detected]',
  ],
]

test.each(LINES)('the status of a drained GPU, line %#', (status, line) => {
  expect(statusLine(status, VIEW, PLAIN)).toBe(line)
})

test('a reason cannot break a line or move the cursor', () => {
  for (const status of [drained(HOSTILE), held(HOSTILE)]) {
    const line = statusLine(status, VIEW, PLAIN)
    expect([line.includes('\u001b'), line.includes('\n')]).toEqual([false, false])
    expect(statusTable([status], VIEW, PLAIN).trimEnd().split('\n')).toHaveLength(2)
  }
})

test('the table and the summary', () => {
  const rows = statusTable([drained(FAN), held(FAN, 'llama')], VIEW, PLAIN).split('\n')
  expect(rows[1]?.split(/ {2,}/)).toEqual(['3', 'DRAINED', '-', '1h 2m 3s', '-', 'by root - fan', '0MB used'])
  expect(rows[2]).toContain('expires in 1h 0m 0s (draining: fan) - llama')
  const summary = statusSummary('box', [drained(FAN), held(FAN)], PLAIN).split('\n')
  expect(summary.slice(0, 2).map((line) => line.trim().split(/ {2,}/))).toEqual([
    ['HOST', 'TOTAL', 'GPU MODELS', 'AVAILABLE', 'IN USE', 'DRAINED'],
    ['box', '2', 'Fake GPU', '0', '1', '1'],
  ])
})

test('the queue names drained GPUs', () => {
  const obstacle = { kind: 'draining', unit: '3', drain: FAN } as const
  expect(obstacleWords(obstacle)).toBe('GPU 3 drained by root - fan')
  expect(freeWords(1, [obstacle])).toBe('1 free, 1 drained')
})

test('the answers of drain and restore', () => {
  const none = { changed: [], unchanged: [], held: [], now: NOW }
  const held = [
    { unit: '3', owner: 'bob', until: NOW + 7_200_000 },
    { unit: '5', owner: 'ann' },
  ]
  expect(drainAnswer({ ...none, changed: ['3', '5'], held })).toEqual({
    stdout: 'Drained 2 GPU(s): [3, 5]\n',
    stderr: 'GPU 3 stays with bob for another 2h 0m 0s\nGPU 5 stays with ann until the run ends\n',
  })
  expect(drainAnswer({ ...none, unchanged: ['3'] })).toEqual({ stdout: 'GPU 3 is drained already\n' })
  expect(restoreAnswer({ changed: ['3'], unchanged: ['4', '5'] })).toEqual({
    stdout: 'Restored 1 GPU(s): [3]\n',
    stderr: 'GPUs 4, 5 are not drained\n',
  })
})
