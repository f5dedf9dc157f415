import { describe, expect, test } from 'bun:test'
import type { SetUpProgress } from '../../../src/app/set-up.ts'
import { progressBar } from '../../../src/views/words/progress-bar.ts'
import { SetUpProgressLine } from '../../../src/views/words/set-up-progress.ts'

const START = new Date(2026, 1, 28, 14, 30, 5).getTime()

/** A report, and the seconds since the first one. */
type Report = readonly [seconds: number, task: SetUpProgress['task'], part: number]

/** The texts written for these reports, then for the end. */
function written(terminal: boolean, ...reports: readonly Report[]): readonly string[] {
  const texts: string[] = []
  let ms = 0
  const columns = terminal ? 80 : Number.POSITIVE_INFINITY
  const stderr = { write: (text: string) => void texts.push(text), terminal, columns, color: false }
  const line = new SetUpProgressLine(stderr, { now: () => START + ms, steadyClock: () => ms })
  for (const [seconds, task, part] of reports) {
    ms = seconds * 1000
    line.show({ task, part })
  }
  line.close()
  return texts
}

test.each([true, false])('a set-up of less than a second prints nothing; terminal: %p', (terminal) => {
  expect(written(terminal, [0, 'read', 0], [0.5, 'read', 1], [0.9, 'write', 0.8])).toEqual([])
})

describe('in a log file', () => {
  test('each task has a line with the time', () => {
    expect(
      written(false, [0, 'read', 0], [1, 'read', 0.1], [2, 'read', 0.2], [3, 'write', 0], [4, 'write', 0.5]),
    ).toEqual([
      '2026-02-28 14:30:06 Reading the usage records: 10%\n',
      '2026-02-28 14:30:08 Writing the usage records: 0%\n',
    ])
  })

  test('a long task has a line every ten seconds', () => {
    expect(
      written(
        false,
        [0, 'read', 0],
        [1, 'read', 0.1],
        [10, 'read', 0.3],
        [11, 'read', 0.4],
        [20, 'read', 0.9],
      ),
    ).toEqual([
      '2026-02-28 14:30:06 Reading the usage records: 10%\n',
      '2026-02-28 14:30:16 Reading the usage records: 40%\n',
    ])
  })
})

describe('on a terminal', () => {
  const bars = (...reports: readonly Report[]) =>
    written(true, ...reports).map((text) => Bun.stripANSI(text).replace('\r', ''))

  test('the bar is redrawn for each percent, and erased at the end', () => {
    expect(
      bars([0, 'read', 0], [1, 'read', 0.1], [1.1, 'read', 0.105], [1.2, 'read', 0.5], [2, 'write', 0]),
    ).toEqual([
      `${'█'.repeat(3)}${'░'.repeat(27)}  10% Reading the usage records`,
      `${'█'.repeat(15)}${'░'.repeat(15)}  50% Reading the usage records`,
      `${'░'.repeat(30)}   0% Writing the usage records`,
      '',
    ])
  })
})

test('a bar is never longer than its width', () => {
  for (const part of [-1, 0, 1 / 3, 1, 2]) expect(Bun.stringWidth(progressBar(part))).toBe(30)
})
