import { describe, expect, test } from 'bun:test'
import type { WaitProgress } from '../../../src/app/waiting/wait-progress.ts'
import { CanhazgpuError } from '../../../src/domain/errors.ts'
import { clockTime } from '../../../src/views/words/clock-time.ts'
import { ProgressLine } from '../../../src/views/words/progress-line.ts'

const NOW = new Date(2026, 1, 28, 14, 30, 5).getTime()
const MINUTE = 60_000
const DAY = 24 * 60 * MINUTE
const PROGRESS: WaitProgress = {
  position: 2,
  length: 3,
  free: 0,
  obstacles: [],
  forecast: { kind: 'at', at: NOW + 2 * MINUTE },
  now: NOW,
}

/** The texts written for these states of a wait, in order. */
function written(states: readonly WaitProgress[], columns: number, terminal: boolean): readonly string[] {
  const lines: string[] = []
  const stderr = { write: (text: string) => void lines.push(text), terminal, columns, color: false }
  const line = new ProgressLine({ kind: 'count', count: 1 }, { stderr, json: false, wasShown: false })
  for (const each of states) line.show(each)
  return lines
}

const inLog = (...states: readonly WaitProgress[]) => written(states, Number.POSITIVE_INFINITY, false)

describe('in a log file', () => {
  test('a line starts with the time', () => {
    expect(inLog(PROGRESS)).toEqual([
      '2026-02-28 14:30:05 Waiting for 1 GPU: position 2 of 3, 0 free, earliest 14:32\n',
    ])
  })

  test('changes that concern other waiters, and passing time, add no line', () => {
    expect(
      inLog(
        PROGRESS,
        { ...PROGRESS, length: 4 },
        { ...PROGRESS, free: 1 },
        { ...PROGRESS, now: NOW + 3 * MINUTE },
      ),
    ).toHaveLength(1)
  })

  test('a new position, expected start or error adds a line', () => {
    const driverFailure = new CanhazgpuError('driver-failed', 'version mismatch')
    const later: WaitProgress = { ...PROGRESS, forecast: { kind: 'at', at: NOW + 5 * MINUTE } }
    expect(inLog(PROGRESS, { ...PROGRESS, position: 1 })).toHaveLength(2)
    expect(inLog(PROGRESS, later)).toHaveLength(2)
    expect(inLog(PROGRESS, { ...PROGRESS, driverFailure }, PROGRESS)).toHaveLength(3)
  })
})

test('after a line of other text, the same progress is shown again', () => {
  const lines: string[] = []
  const stderr = { write: (text: string) => void lines.push(text), terminal: true, columns: 80, color: false }
  const line = new ProgressLine({ kind: 'count', count: 1 }, { stderr, json: false, wasShown: false })
  line.show(PROGRESS)
  line.interrupt()
  line.show(PROGRESS)
  expect(lines).toEqual([lines[0] ?? '', '\r\u001b[2K', lines[0] ?? ''])
})

describe('on a terminal', () => {
  const shown = (columns: number) =>
    Bun.stripANSI(written([PROGRESS], columns, true)[0] ?? '').replace('\r', '')

  test('the line is cut at the width', () => {
    expect(shown(200)).toBe('Waiting for 1 GPU: position 2 of 3, 0 free, earliest 14:32')
    expect(shown(40)).toBe('Waiting for 1 GPU: position 2 of 3, 0 f…')
    expect(shown(3)).toBe('Wa…')
  })

  test('the line is redrawn only if its visible text changes', () => {
    expect(written([PROGRESS, { ...PROGRESS, length: 4 }], 200, true)).toHaveLength(2)
    expect(written([PROGRESS, { ...PROGRESS, length: 4 }], 20, true)).toHaveLength(1)
  })
})

test('formats times of today, of tomorrow across the end of a month, and later', () => {
  expect(clockTime(NOW + MINUTE, NOW)).toBe('14:31')
  expect(clockTime(NOW + 11 * 60 * MINUTE, NOW)).toBe('tomorrow 01:30')
  expect(clockTime(NOW + DAY, NOW)).toBe('tomorrow 14:30')
  expect(clockTime(NOW + 2 * DAY, NOW)).toBe('2026-03-02 14:30')
})
