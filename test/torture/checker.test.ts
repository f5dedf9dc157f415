import { describe, expect, test } from 'bun:test'
import { Glob } from 'bun'
import { judge } from '../../torture/check/checker.ts'
import type { Rule } from '../../torture/check/violation.ts'
import { at, Story, type Sums } from './story.ts'

const HOURS_8 = 8 * 3_600_000
const ALL: Sums = { run: 2, manual: 2, ms: 2 * 106 + 2 * 76 + 260 + 1000 }

/** A little play in which everything is as it should be. */
function sound(): Story {
  const story = new Story()
  story.run('short', [0, 1], [10, 30, 120, 125])
  story.record('short', [0, 1], [20, 126])
  story.asked(30, 'killed', { verb: 'run', gpus: 2, patience: null })
  story.waits(50, 'killed', 1)
  story.job(140, 'killed', 'took', [0, 1])
  story.killed(200, 'killed', 205)
  story.record('killed', [0, 1], [130, 206])
  story.reserve('held', [2], [40, 45, 48], HOURS_8)
  story.record('held', [2], [45, 305], { kind: 'manual', outcome: 'released' })
  story.reserve('brief', [3], [80, 85, 90], 1000)
  story.record('brief', [3], [85, 1085], { kind: 'manual', outcome: 'expired' })
  story.queue('line', ['killed'], [100, 110])
  story.status('busy', { 0: 'killed', 1: 'killed', 2: 'held', 3: 'brief' }, [150, 160])
  story.report('report', { run: 2, manual: 2, ms: 500 }, [210, 220])
  story.release('release', [2], [300, 310], [2])
  story.status('later', { 3: 'brief' }, [320, 330])
  story.status('last', {}, [1100, 1110])
  story.report('sum', ALL, [1120, 1130])
  story.table('table', ALL, [1140, 1150])
  return story
}

/** Which rules the play broke after this change to it. */
function broken(change: (story: Story) => void): readonly Rule[] {
  const story = sound()
  change(story)
  return [...new Set(judge(story).violations.map(({ rule }) => rule))].sort()
}

/** Where a change to the play would make its reports wrong. */
const withoutReports = (change: (story: Story) => void) =>
  broken((story) => {
    story.forget('report', 'sum', 'table')
    change(story)
  })

describe('what is sound', () => {
  test('is found so, and was looked at', () => {
    const { violations, ...extent } = judge(sound())
    expect(violations).toEqual([])
    expect(extent).toEqual({ holds: 6, records: 6, looks: 7, chances: 0 })
  })

  test('a command that was killed may have been granted something, or nothing', () => {
    expect(
      withoutReports((story) => {
        story.asked(400, 'granted', { verb: 'run', gpus: 1 })
        story.killed(410, 'granted', 415)
        story.record('granted', [0], [405, 416])
        story.asked(400, 'nothing', { verb: 'reserve', gpus: 1, holds: 1000 })
        story.killed(410, 'nothing', 415)
      }),
    ).toEqual([])
  })

  test('a refusal, the end of a wait, and a release that names the GPU of another', () => {
    expect(
      broken((story) => {
        story.asked(400, 'refused', { verb: 'run', gpus: 4 })
        story.ended(410, 'refused', 75)
        story.asked(400, 'tired', { verb: 'run', gpus: 4, patience: 600 })
        story.ended(1000, 'tired', 75)
        story.asked(400, 'foreign', { verb: 'release', gpus: [3] })
        story.says(405, 'foreign', '{"error":{"code":"not-yours"}}')
        story.ended(410, 'foreign', 1)
      }),
    ).toEqual([])
  })
})

describe('two holders', () => {
  test('by the lock of a job', () => {
    expect(broken((story) => story.job(141, 'killed', 'clashed', [0, 1], 1))).toEqual(['holders'])
  })

  test('two jobs', () => {
    expect(
      withoutReports((story) => {
        story.run('second', [1], [20, 60, 70, 75])
        story.record('second', [1], [130, 130])
      }),
    ).toContain('holders')
  })

  test('a job on what is held by hand', () => {
    expect(
      withoutReports((story) => {
        story.run('second', [3], [400, 500, 510, 515])
        story.record('second', [3], [1085, 1085])
      }),
    ).toContain('holders')
  })

  test('two by hand', () => {
    expect(broken((story) => story.reserve('second', [3], [400, 410, 420], 1000))).toContain('holders')
  })

  test('by the history alone', () => {
    expect(
      withoutReports((story) => {
        story.asked(75, 'second', { verb: 'run', gpus: 1 })
        story.killed(80, 'second', 95)
        story.record('second', [3], [79, 96])
      }),
    ).toContain('holders')
  })

  test('something else than was asked for', () => {
    expect(
      withoutReports((story) => {
        story.run('greedy', [0, 1], [400, 420, 430, 435], { gpus: 1 })
        story.record('greedy', [0, 1], [410, 436])
        story.run('astray', [0], [500, 520, 530, 535], { gpus: [1] })
        story.record('astray', [0], [510, 536])
      }),
    ).toEqual(['holders'])
  })
})

describe('what stays, and what goes too early', () => {
  test('a run whose process is gone', () => {
    expect(broken((story) => story.status('look', { 0: 'killed', 3: 'brief' }, [340, 350]))).toEqual(['gone'])
  })

  test('a reservation whose time is over', () => {
    expect(broken((story) => story.status('look', { 3: 'brief' }, [1090, 1095]))).toEqual(['gone'])
  })

  test('a reservation that was released', () => {
    const holders = { 2: 'held', 3: 'brief' }
    expect(broken((story) => story.status('look', holders, [340, 350]))).toEqual(['gone'])
  })

  test('a hold of nobody', () => {
    const holders = { 0: 'stranger', 3: 'brief' }
    expect(broken((story) => story.status('look', holders, [340, 350]))).toEqual(['gone'])
  })

  test('a running command that is not shown', () => {
    expect(broken((story) => story.status('look', { 2: 'held', 3: 'brief' }, [170, 180]))).toEqual(['gone'])
  })

  test('a reservation by hand that is not shown', () => {
    expect(broken((story) => story.status('look', {}, [340, 350]))).toEqual(['gone'])
  })

  test('what the pool was left with', () => {
    expect(broken((story) => story.pool.reservations.push({ id: 'r-killed' }))).toEqual(['gone'])
    expect(broken((story) => story.pool.queue.push({ id: 'r-killed' }))).toEqual(['gone'])
  })

  test('supervisors', () => {
    expect(broken((story) => story.entries.push({ event: 'remained', at: at(2000), pids: [1] }))).toEqual([
      'gone',
    ])
  })
})

describe('places in line', () => {
  /** Two who stand in line one after the other. */
  function waiters(story: Story): void {
    for (const [nth, name] of ['first', 'second'].entries()) {
      story.asked(400 + 50 * nth, name, { verb: 'run', gpus: 4, patience: null })
      story.waits(420 + 50 * nth, name, nth + 1)
      story.killed(900, name, 910)
    }
  }

  test('in order', () => {
    expect(
      broken((story) => {
        waiters(story)
        story.queue('look', ['first', 'second'], [600, 610])
        story.queue('again', ['second'], [700, 710])
      }),
    ).toEqual([])
  })

  test('one who came when the other stood there stands before it', () => {
    expect(
      broken((story) => {
        waiters(story)
        story.queue('look', ['second', 'first'], [600, 610])
      }),
    ).toEqual(['line'])
  })

  test('two who came together change places', () => {
    expect(
      broken((story) => {
        for (const name of ['one', 'other']) {
          story.asked(400, name, { verb: 'run', gpus: 4, patience: null })
          story.killed(900, name, 910)
        }
        story.queue('look', ['one', 'other'], [600, 610])
        story.queue('again', ['other', 'one'], [700, 710])
      }),
    ).toEqual(['line'])
  })

  test('one loses its place and lines up again, though its time was not over', () => {
    const linesUpAgain = (patience: number | null, since: number) => (story: Story) => {
      story.asked(400, 'lost', { verb: 'run', gpus: 4, patience })
      story.killed(3000, 'lost', 3010)
      story.queue('look', ['lost'], [600, 610], 420)
      story.queue('again', ['lost'], [2900, 2950], since)
    }
    expect(broken(linesUpAgain(null, 650))).toEqual(['line'])
    expect(broken(linesUpAgain(1000, 650))).toEqual(['line'])
    expect(broken(linesUpAgain(1000, 1420))).toEqual([])
  })

  test('one is told of a place further back', () => {
    expect(
      broken((story) => {
        waiters(story)
        story.waits(500, 'first', 2)
      }),
    ).toEqual(['line'])
  })

  test('one who is gone, or was served, still stands there', () => {
    expect(broken((story) => story.queue('look', ['killed'], [220, 230]))).toEqual(['line'])
    expect(broken((story) => story.queue('look', ['killed'], [145, 150]))).toEqual(['line'])
    expect(broken((story) => story.queue('look', ['stranger'], [145, 150]))).toEqual(['line'])
  })
})

describe('overtaking', () => {
  /** One waits for all; another comes while it stands in line, and is served before. */
  function overtaking(story: Story, holds?: number): void {
    story.run('first', [0, 1, 2, 3], [1600, 2300, 2310, 2315], { patience: null })
    story.waits(1620, 'first', 1)
    story.record('first', [0, 1, 2, 3], [2290, 2316])
    story.run('second', [0], [1650, 1700, 1710, 1715], holds === undefined ? {} : { holds })
    story.record('second', [0], [1690, 1716])
  }

  test('a newcomer is served before one who waits', () => {
    expect(withoutReports(overtaking)).toEqual(['line'])
  })

  test('is none where it declares to be over in time', () => {
    expect(withoutReports((story) => overtaking(story, 1000))).toEqual([])
  })

  test('is none where the one who waits was stopped', () => {
    expect(
      withoutReports((story) => {
        overtaking(story)
        story.stopped(1640, 'first')
      }),
    ).toEqual([])
  })

  test('is one again when the one who waits has continued', () => {
    const stoppedUntil = (continued: number) => (story: Story) => {
      story.run('first', [0, 1, 2, 3], [1600, 6300, 6310, 6315], { patience: null })
      story.waits(1620, 'first', 1)
      story.stopped(1640, 'first')
      story.continued(continued, 'first')
      story.record('first', [0, 1, 2, 3], [6290, 6316])
      story.run('second', [0], [3650, 3700, 3710, 3715])
      story.record('second', [0], [3690, 3716])
    }
    expect(withoutReports(stoppedUntil(2000))).toEqual(['line'])
    expect(withoutReports(stoppedUntil(4000))).toEqual([])
  })

  test('cannot be told where somebody before may have seemed to be over in time', () => {
    expect(
      withoutReports((story) => {
        overtaking(story)
        story.asked(1590, 'before', { verb: 'run', gpus: 4, patience: null, holds: 1000 })
        story.killed(1800, 'before', 1810)
      }),
    ).toEqual([])
  })

  test('is none where all that the other one got lay there for it', () => {
    expect(
      withoutReports((story) => {
        story.run('first', [0, 1], [1600, 1800, 1810, 1815], { patience: null })
        story.waits(1620, 'first', 1)
        story.record('first', [0, 1], [1790, 1816])
        story.run('second', [2], [1650, 1700, 1710, 1715])
        story.record('second', [2], [1690, 1716])
      }),
    ).toEqual([])
  })
})

describe('the books', () => {
  test('a row is missing', () => {
    expect(broken((story) => story.history.shift())).toContain('books')
  })

  test('a row too many', () => {
    expect(withoutReports((story) => story.record('short', [3], [20, 60]))).toEqual(['books'])
    expect(withoutReports((story) => story.record('stranger', [0], [400, 410]))).toEqual(['books'])
    expect(
      withoutReports((story) => {
        story.asked(400, 'refused', { verb: 'run', gpus: 1 })
        story.ended(410, 'refused', 75)
        story.record('refused', [0], [402, 405])
      }),
    ).toEqual(['books'])
  })

  test('another holder, beginning, reservation or outcome', () => {
    for (const change of [
      { uid: 1002 },
      { user: 'bob' },
      { kind: 'manual' },
      { started_at: at(5).wall },
      { started_at: at(40).wall },
      { reservation: 'r-other' },
      { outcome: 'vanished' },
      { outcome: 'released' },
      { outcome: 'timed-out' },
    ]) {
      expect(withoutReports((story) => story.changeRows('short', change))).toEqual(['books'])
    }
  })

  test('another beginning than the holder was told', () => {
    expect(withoutReports((story) => story.changeRows('held', { started_at: at(46).wall }))).toEqual([
      'books',
    ])
  })

  test('an end long after it was gone', () => {
    expect(withoutReports((story) => story.changeRows('killed', { ended_at: at(340).wall }))).toEqual([
      'books',
    ])
  })

  test('an end before it was gone, though others were granted something meanwhile', () => {
    expect(withoutReports((story) => story.changeRows('short', { ended_at: at(60).wall }))).toEqual(['books'])
  })

  test('which may be where nobody was: a transaction stamps its beginning', () => {
    expect(withoutReports((story) => story.changeRows('short', { ended_at: at(100).wall }))).toEqual([])
  })

  test('an expiry before or after its time', () => {
    for (const end of [900, 1090]) {
      const change = { ended_at: at(end).wall }
      expect(withoutReports((story) => story.changeRows('brief', change))).toEqual(['books'])
    }
  })

  test('a release without effect, and one that nobody made', () => {
    const expired = { outcome: 'expired', ended_at: at(45 + HOURS_8).wall }
    expect(withoutReports((story) => story.changeRows('held', expired))).toEqual(['books'])
    const released = { outcome: 'released', ended_at: at(700).wall }
    expect(withoutReports((story) => story.changeRows('brief', released))).toEqual(['books'])
    expect(broken((story) => story.release('boast', [1], [340, 350], [1]))).toEqual(['books'])
  })

  test('a report that counts too few, too many, or other hours', () => {
    for (const wrong of [
      { ...ALL, run: 1 },
      { ...ALL, manual: 3 },
      { ...ALL, ms: ALL.ms + 1000 },
    ]) {
      expect(
        withoutReports((story) => {
          story.report('sum', wrong, [1120, 1130])
        }),
      ).toEqual(['books'])
    }
  })

  test('a report in the midst of it that misses what was granted, or tells the future', () => {
    const early = (sums: Sums) => broken((story) => story.report('early', sums, [100, 110]))
    expect(early({ run: 0, manual: 2, ms: 100 })).toEqual(['books'])
    expect(early({ run: 1, manual: 2, ms: 100 })).toEqual([])
    expect(early({ run: 2, manual: 2, ms: 100 })).toEqual(['books'])
  })

  test('a table that differs from the JSON', () => {
    expect(
      broken((story) => {
        story.forget('table')
        story.table('table', { ...ALL, run: 3 }, [1140, 1150])
      }),
    ).toEqual(['books'])
  })
})

describe('ends', () => {
  test('another status than the job gave', () => {
    expect(
      withoutReports((story) => {
        story.asked(400, 'seven', { verb: 'run', gpus: 1 })
        story.job(420, 'seven', 'took', [0])
        story.job(430, 'seven', 'gave', [0], 7)
        story.ended(435, 'seven', 0)
        story.record('seven', [0], [410, 436])
      }),
    ).toEqual(['ends'])
  })

  test('sent away, though it was ready to wait longer', () => {
    for (const patience of [null, 1000]) {
      expect(
        broken((story) => {
          story.asked(400, 'waiter', { verb: 'run', gpus: 4, patience })
          story.ended(700, 'waiter', 75)
        }),
      ).toEqual(['ends'])
    }
  })

  test('a failure', () => {
    expect(
      broken((story) => {
        story.asked(400, 'look', { verb: 'status' })
        story.ended(410, 'look', 1)
      }),
    ).toEqual(['ends'])
  })

  test('one that never ended', () => {
    expect(
      broken((story) => {
        story.asked(400, 'waiter', { verb: 'run', gpus: 4, patience: null })
        story.entries.push({ event: 'stuck', at: at(60_000), commands: ['waiter'] })
      }),
    ).toEqual(['ends'])
  })

  test('a damaged database', () => {
    expect(
      broken((story) => {
        story.integrity = 'row 3 missing from index history_by_end'
      }),
    ).toEqual(['ends'])
  })
})

test('where the wall clock was set nothing is judged', () => {
  expect(
    broken((story) => {
      const { steady } = at(2000)
      story.entries.push({ event: 'remained', at: { steady, wall: at(3500).wall }, pids: [1] })
    }),
  ).toEqual(['clock'])
})

test('the checker shares nothing with the program', async () => {
  const files = [...new Glob('torture/check/*.ts').scanSync()]
  const imports = await Promise.all(
    files.map(async (path) => [...(await Bun.file(path).text()).matchAll(/ from '([^']+)'/g)]),
  )
  const others = imports
    .flat()
    .map(([, target = '']) => target)
    .filter((target) => !/^(\.\/[\w-]+\.ts|\.\.\/log\.ts|bun:sqlite|node:fs)$/.test(target))
  expect(files.length).toBeGreaterThan(5)
  expect(others).toEqual([])
})
