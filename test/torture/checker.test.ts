import { describe, expect, test } from 'bun:test'
import { Glob } from 'bun'
import { checkEvidence } from '../../torture/check/checker.ts'
import type { Rule } from '../../torture/check/violation.ts'
import { at, EvidenceBuilder, type Sums } from './evidence-builder.ts'

const HOURS_8 = 8 * 3_600_000
const ALL: Sums = { run: 2, manual: 2, ms: 2 * 106 + 2 * 76 + 260 + 1000 }

/** The evidence of a small round without a violation. */
function validEvidence(): EvidenceBuilder {
  const evidence = new EvidenceBuilder()
  evidence.run('short', [0, 1], [10, 30, 120, 125])
  evidence.record('short', [0, 1], [20, 126])
  evidence.started(30, 'killed', { verb: 'run', gpus: 2, waitLimit: null })
  evidence.waits(50, 'killed', 1)
  evidence.job(140, 'killed', 'started', [0, 1])
  evidence.killed(200, 'killed', 205)
  evidence.record('killed', [0, 1], [130, 206])
  evidence.reserve('held', [2], [40, 45, 48], HOURS_8)
  evidence.record('held', [2], [45, 305], { kind: 'manual', outcome: 'released' })
  evidence.reserve('brief', [3], [80, 85, 90], 1000)
  evidence.record('brief', [3], [85, 1085], { kind: 'manual', outcome: 'expired' })
  evidence.queue('queue', ['killed'], [100, 110])
  evidence.status('busy', { 0: 'killed', 1: 'killed', 2: 'held', 3: 'brief' }, [150, 160])
  evidence.report('report', { run: 2, manual: 2, ms: 500 }, [210, 220])
  evidence.release('release', [2], [300, 310], [2])
  evidence.status('later', { 3: 'brief' }, [320, 330])
  evidence.status('last', {}, [1100, 1110])
  evidence.report('sum', ALL, [1120, 1130])
  evidence.table('table', ALL, [1140, 1150])
  return evidence
}

/** The rules that are violated after this change of the evidence. */
function broken(change: (evidence: EvidenceBuilder) => void): readonly Rule[] {
  const evidence = validEvidence()
  change(evidence)
  return [...new Set(checkEvidence(evidence).violations.map(({ rule }) => rule))].sort()
}

/** The same without reports, for a change that would make reports wrong. */
const withoutReports = (change: (evidence: EvidenceBuilder) => void) =>
  broken((evidence) => {
    evidence.forget('report', 'sum', 'table')
    change(evidence)
  })

describe('evidence without a violation', () => {
  test('is counted as a whole', () => {
    const { violations, ...extent } = checkEvidence(validEvidence())
    expect(violations).toEqual([])
    expect(extent).toEqual({ holds: 6, records: 6, reads: 7, chances: 0, begun: 0, unbegun: 0 })
  })

  test('a killed command may have a grant or not', () => {
    expect(
      withoutReports((evidence) => {
        evidence.started(400, 'granted', { verb: 'run', gpus: 1 })
        evidence.killed(410, 'granted', 415)
        evidence.record('granted', [0], [405, 416])
        evidence.started(400, 'nothing', { verb: 'reserve', gpus: 1, holdLimit: 1000 })
        evidence.killed(410, 'nothing', 415)
      }),
    ).toEqual([])
  })

  test("a refusal, the end of a wait, and a release of another user's GPU", () => {
    expect(
      broken((evidence) => {
        evidence.started(400, 'refused', { verb: 'run', gpus: 4 })
        evidence.ended(410, 'refused', 75)
        evidence.started(400, 'timed-out', { verb: 'run', gpus: 4, waitLimit: 600 })
        evidence.ended(1000, 'timed-out', 75)
        evidence.started(400, 'foreign', { verb: 'release', gpus: [3] })
        evidence.prints(405, 'foreign', '{"error":{"code":"not-yours"}}')
        evidence.ended(410, 'foreign', 1)
      }),
    ).toEqual([])
  })
})

describe('a GPU with two holders', () => {
  test('found by the lock of a job', () => {
    expect(broken((evidence) => evidence.job(141, 'killed', 'lock-held', [0, 1], 1))).toEqual(['holders'])
  })

  test('two jobs', () => {
    expect(
      withoutReports((evidence) => {
        evidence.run('second', [1], [20, 60, 70, 75])
        evidence.record('second', [1], [130, 130])
      }),
    ).toContain('holders')
  })

  test('a job on a manually reserved GPU', () => {
    expect(
      withoutReports((evidence) => {
        evidence.run('second', [3], [400, 500, 510, 515])
        evidence.record('second', [3], [1085, 1085])
      }),
    ).toContain('holders')
  })

  test('two manual reservations', () => {
    expect(broken((evidence) => evidence.reserve('second', [3], [400, 410, 420], 1000))).toContain('holders')
  })

  test('found in the history alone', () => {
    expect(
      withoutReports((evidence) => {
        evidence.started(75, 'second', { verb: 'run', gpus: 1 })
        evidence.killed(80, 'second', 95)
        evidence.record('second', [3], [79, 96])
      }),
    ).toContain('holders')
  })

  test('a command that got other GPUs than requested', () => {
    expect(
      withoutReports((evidence) => {
        evidence.run('too-many', [0, 1], [400, 420, 430, 435], { gpus: 1 })
        evidence.record('too-many', [0, 1], [410, 436])
        evidence.run('other-gpu', [0], [500, 520, 530, 535], { gpus: [1] })
        evidence.record('other-gpu', [0], [510, 536])
      }),
    ).toEqual(['holders'])
  })
})

describe('reservations that stay too long or disappear too early', () => {
  test('a run whose process is gone', () => {
    expect(broken((evidence) => evidence.status('read', { 0: 'killed', 3: 'brief' }, [340, 350]))).toEqual([
      'gone',
    ])
  })

  test('a reservation that expired', () => {
    expect(broken((evidence) => evidence.status('read', { 3: 'brief' }, [1090, 1095]))).toEqual(['gone'])
  })

  test('a reservation that was released', () => {
    const holders = { 2: 'held', 3: 'brief' }
    expect(broken((evidence) => evidence.status('read', holders, [340, 350]))).toEqual(['gone'])
  })

  test('a reservation of an unknown command', () => {
    const holders = { 0: 'unknown', 3: 'brief' }
    expect(broken((evidence) => evidence.status('read', holders, [340, 350]))).toEqual(['gone'])
  })

  test('a running command that is not shown', () => {
    expect(broken((evidence) => evidence.status('read', { 2: 'held', 3: 'brief' }, [170, 180]))).toEqual([
      'gone',
    ])
  })

  test('a manual reservation that is not shown', () => {
    expect(broken((evidence) => evidence.status('read', {}, [340, 350]))).toEqual(['gone'])
  })

  test('reservations and entries that are left in the pool', () => {
    expect(broken((evidence) => evidence.pool.reservations.push({ id: 'r-killed' }))).toEqual(['gone'])
    expect(broken((evidence) => evidence.pool.queue.push({ id: 'r-killed' }))).toEqual(['gone'])
  })

  test('supervisors that still run', () => {
    expect(
      broken((evidence) => evidence.entries.push({ event: 'remained', at: at(2000), pids: [1] })),
    ).toEqual(['gone'])
  })
})

describe('places in the queue', () => {
  /** Two waiters, one after the other. */
  function waiters(evidence: EvidenceBuilder): void {
    for (const [nth, name] of ['first', 'second'].entries()) {
      evidence.started(400 + 50 * nth, name, { verb: 'run', gpus: 4, waitLimit: null })
      evidence.waits(420 + 50 * nth, name, nth + 1)
      evidence.killed(900, name, 910)
    }
  }

  test('are in order', () => {
    expect(
      broken((evidence) => {
        waiters(evidence)
        evidence.queue('read', ['first', 'second'], [600, 610])
        evidence.queue('again', ['second'], [700, 710])
      }),
    ).toEqual([])
  })

  test('a newcomer is ahead of a waiter', () => {
    expect(
      broken((evidence) => {
        waiters(evidence)
        evidence.queue('read', ['second', 'first'], [600, 610])
      }),
    ).toEqual(['queue'])
  })

  test('two waiters change places', () => {
    expect(
      broken((evidence) => {
        for (const name of ['one', 'other']) {
          evidence.started(400, name, { verb: 'run', gpus: 4, waitLimit: null })
          evidence.killed(900, name, 910)
        }
        evidence.queue('read', ['one', 'other'], [600, 610])
        evidence.queue('again', ['other', 'one'], [700, 710])
      }),
    ).toEqual(['queue'])
  })

  test('a waiter loses its place and joins again before its time limit', () => {
    const joinsAgain = (waitLimit: number | null, since: number) => (evidence: EvidenceBuilder) => {
      evidence.started(400, 'lost', { verb: 'run', gpus: 4, waitLimit })
      evidence.killed(3000, 'lost', 3010)
      evidence.queue('read', ['lost'], [600, 610], 420)
      evidence.queue('again', ['lost'], [2900, 2950], since)
    }
    expect(broken(joinsAgain(null, 650))).toEqual(['queue'])
    expect(broken(joinsAgain(1000, 650))).toEqual(['queue'])
    expect(broken(joinsAgain(1000, 1420))).toEqual([])
  })

  test('a read that starts first may see the later queue', () => {
    expect(
      broken((evidence) => {
        evidence.started(400, 'lost', { verb: 'run', gpus: 4, waitLimit: 1000 })
        evidence.killed(3000, 'lost', 3010)
        evidence.queue('late', ['lost'], [600, 1500], 1420)
        evidence.queue('early', ['lost'], [610, 650], 420)
      }),
    ).toEqual([])
  })

  test('the position of a waiter increases', () => {
    expect(
      broken((evidence) => {
        waiters(evidence)
        evidence.waits(500, 'first', 2)
      }),
    ).toEqual(['queue'])
  })

  test('a waiter that is gone or has a grant is still in the queue', () => {
    expect(broken((evidence) => evidence.queue('read', ['killed'], [220, 230]))).toEqual(['queue'])
    expect(broken((evidence) => evidence.queue('read', ['killed'], [145, 150]))).toEqual(['queue'])
    expect(broken((evidence) => evidence.queue('read', ['unknown'], [145, 150]))).toEqual(['queue'])
  })
})

describe('overtaking', () => {
  /** One command waits for all GPUs; another one starts later and gets its GPU first. */
  function overtaking(evidence: EvidenceBuilder, holdLimit?: number): void {
    evidence.run('first', [0, 1, 2, 3], [1600, 2300, 2310, 2315], { waitLimit: null })
    evidence.waits(1620, 'first', 1)
    evidence.record('first', [0, 1, 2, 3], [2290, 2316])
    evidence.run('second', [0], [1650, 1700, 1710, 1715], holdLimit === undefined ? {} : { holdLimit })
    evidence.record('second', [0], [1690, 1716])
  }

  test('is a violation if a newcomer gets a GPU before a waiter', () => {
    expect(withoutReports(overtaking)).toEqual(['queue'])
  })

  test('is allowed to a command that declares to end in time', () => {
    expect(withoutReports((evidence) => overtaking(evidence, 1000))).toEqual([])
  })

  test('is allowed while the waiter is stopped', () => {
    expect(
      withoutReports((evidence) => {
        overtaking(evidence)
        evidence.stopped(1640, 'first')
      }),
    ).toEqual([])
  })

  test('is a violation if the waiter has continued before', () => {
    const stoppedUntil = (continued: number) => (evidence: EvidenceBuilder) => {
      evidence.run('first', [0, 1, 2, 3], [1600, 6300, 6310, 6315], { waitLimit: null })
      evidence.waits(1620, 'first', 1)
      evidence.stopped(1640, 'first')
      evidence.continued(continued, 'first')
      evidence.record('first', [0, 1, 2, 3], [6290, 6316])
      evidence.run('second', [0], [3650, 3700, 3710, 3715])
      evidence.record('second', [0], [3690, 3716])
    }
    expect(withoutReports(stoppedUntil(2000))).toEqual(['queue'])
    expect(withoutReports(stoppedUntil(4000))).toEqual([])
  })

  test('is not checked while a waiter ahead declares an end', () => {
    expect(
      withoutReports((evidence) => {
        overtaking(evidence)
        evidence.started(1590, 'before', { verb: 'run', gpus: 4, waitLimit: null, holdLimit: 1000 })
        evidence.killed(1800, 'before', 1810)
      }),
    ).toEqual([])
  })

  test('is allowed while all GPUs of the waiter are free', () => {
    expect(
      withoutReports((evidence) => {
        evidence.run('first', [0, 1], [1600, 1800, 1810, 1815], { waitLimit: null })
        evidence.waits(1620, 'first', 1)
        evidence.record('first', [0, 1], [1790, 1816])
        evidence.run('second', [2], [1650, 1700, 1710, 1715])
        evidence.record('second', [2], [1690, 1716])
      }),
    ).toEqual([])
  })
})

test('a newcomer may use what is left when enough is free for all waiters, which come later', () => {
  const leftOver = (others: number) =>
    withoutReports((evidence) => {
      evidence.run('first', [0], [1600, 2300, 2310, 2315], { waitLimit: null })
      evidence.waits(1620, 'first', 1)
      evidence.record('first', [0], [2290, 2316])
      evidence.started(1610, 'other', { verb: 'run', gpus: others, waitLimit: null })
      evidence.waits(1630, 'other', 2)
      evidence.killed(5000, 'other', 5010)
      evidence.run('second', [3], [1650, 1700, 1710, 1715])
      evidence.record('second', [3], [1690, 1716])
      evidence.run('third', [0], [1660, 1800, 1810, 1815], { holdLimit: 1000 })
      evidence.record('third', [0], [1790, 1816])
    })
  expect(leftOver(2)).toEqual([])
  expect(leftOver(3)).toEqual(['queue'])
})

describe('the history and the reports', () => {
  test('a row is missing', () => {
    expect(broken((evidence) => evidence.history.shift())).toContain('records')
  })

  test('there is a row too many', () => {
    expect(withoutReports((evidence) => evidence.record('short', [3], [20, 60]))).toEqual(['records'])
    expect(withoutReports((evidence) => evidence.record('unknown', [0], [400, 410]))).toEqual(['records'])
    expect(
      withoutReports((evidence) => {
        evidence.started(400, 'refused', { verb: 'run', gpus: 1 })
        evidence.ended(410, 'refused', 75)
        evidence.record('refused', [0], [402, 405])
      }),
    ).toEqual(['records'])
  })

  test('a row has the wrong holder, start, reservation or outcome', () => {
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
      expect(withoutReports((evidence) => evidence.changeRows('short', change))).toEqual(['records'])
    }
  })

  test('a row has another start than the grant', () => {
    expect(withoutReports((evidence) => evidence.changeRows('held', { started_at: at(46).wall }))).toEqual([
      'records',
    ])
  })

  test('a row ends long after the process was gone', () => {
    expect(withoutReports((evidence) => evidence.changeRows('killed', { ended_at: at(340).wall }))).toEqual([
      'records',
    ])
  })

  test('a row ends before the process was gone, with another grant in between', () => {
    expect(withoutReports((evidence) => evidence.changeRows('short', { ended_at: at(60).wall }))).toEqual([
      'records',
    ])
  })

  test('without another grant a row may end early: a transaction records the time of its start', () => {
    expect(withoutReports((evidence) => evidence.changeRows('short', { ended_at: at(100).wall }))).toEqual([])
  })

  test('a row expires at the wrong time', () => {
    for (const end of [900, 1090]) {
      const change = { ended_at: at(end).wall }
      expect(withoutReports((evidence) => evidence.changeRows('brief', change))).toEqual(['records'])
    }
  })

  test('a release had no effect, or no command made it', () => {
    const expired = { outcome: 'expired', ended_at: at(45 + HOURS_8).wall }
    expect(withoutReports((evidence) => evidence.changeRows('held', expired))).toEqual(['records'])
    const released = { outcome: 'released', ended_at: at(700).wall }
    expect(withoutReports((evidence) => evidence.changeRows('brief', released))).toEqual(['records'])
    expect(broken((evidence) => evidence.release('no-effect', [1], [340, 350], [1]))).toEqual(['records'])
  })

  test('a report has too few or too many grants, or other hours', () => {
    for (const wrong of [
      { ...ALL, run: 1 },
      { ...ALL, manual: 3 },
      { ...ALL, ms: ALL.ms + 1000 },
    ]) {
      expect(
        withoutReports((evidence) => {
          evidence.report('sum', wrong, [1120, 1130])
        }),
      ).toEqual(['records'])
    }
  })

  test('an early report lacks a grant, or counts a later one', () => {
    const early = (sums: Sums) => broken((evidence) => evidence.report('early', sums, [100, 110]))
    expect(early({ run: 0, manual: 2, ms: 100 })).toEqual(['records'])
    expect(early({ run: 1, manual: 2, ms: 100 })).toEqual([])
    expect(early({ run: 2, manual: 2, ms: 100 })).toEqual(['records'])
  })

  test('the table differs from the JSON', () => {
    expect(
      broken((evidence) => {
        evidence.forget('table')
        evidence.table('table', { ...ALL, run: 3 }, [1140, 1150])
      }),
    ).toEqual(['records'])
  })
})

describe('the ends of commands', () => {
  test('the status is not that of the job', () => {
    expect(
      withoutReports((evidence) => {
        evidence.started(400, 'seven', { verb: 'run', gpus: 1 })
        evidence.job(420, 'seven', 'started', [0])
        evidence.job(430, 'seven', 'finished', [0], 7)
        evidence.ended(435, 'seven', 0)
        evidence.record('seven', [0], [410, 436])
      }),
    ).toEqual(['ends'])
  })

  test('a job that its time limit ended before its first line', () => {
    const ended = (outcome: string) =>
      broken((evidence) => {
        evidence.forget('report', 'sum', 'table')
        evidence.started(2000, 'slow', { verb: 'run', gpus: 1, holdLimit: 1000 })
        evidence.record('slow', [0], [2100, 3150], { outcome })
        evidence.ended(3150, 'slow', 130)
      })
    expect(ended('timed-out')).toEqual([])
    expect(ended('exited')).toEqual(['ends', 'records'])
  })

  test('a waiter that gives back a grant it was not told of, after SIGINT of its time limit', () => {
    const givenBackAfter = (ms: number, status: number) =>
      broken((evidence) => {
        evidence.forget('report', 'sum', 'table')
        evidence.started(2000, 'slow', { verb: 'run', gpus: 1, holdLimit: 6000, waitLimit: null })
        evidence.record('slow', [0], [2100, 2100 + ms], { outcome: 'released' })
        evidence.ended(2100 + ms, 'slow', status)
      })
    expect(givenBackAfter(4850, 130)).toEqual([])
    expect(givenBackAfter(50, 130)).toEqual(['ends', 'records'])
    expect(givenBackAfter(4850, 75)).toEqual(['ends', 'records'])
  })

  test('a waiter is refused before its time limit', () => {
    for (const waitLimit of [null, 1000]) {
      expect(
        broken((evidence) => {
          evidence.started(400, 'waiter', { verb: 'run', gpus: 4, waitLimit })
          evidence.ended(700, 'waiter', 75)
        }),
      ).toEqual(['ends'])
    }
  })

  test('a read fails', () => {
    expect(
      broken((evidence) => {
        evidence.started(400, 'read', { verb: 'status' })
        evidence.ended(410, 'read', 1)
      }),
    ).toEqual(['ends'])
  })

  test('a command does not end', () => {
    expect(
      broken((evidence) => {
        evidence.started(400, 'waiter', { verb: 'run', gpus: 4, waitLimit: null })
        evidence.entries.push({ event: 'stuck', at: at(60_000), commands: ['waiter'] })
      }),
    ).toEqual(['ends'])
  })

  test('the database is damaged', () => {
    expect(
      broken((evidence) => {
        evidence.integrity = 'row 3 missing from index history_by_end'
      }),
    ).toEqual(['ends'])
  })
})

describe('a daemon that is killed', () => {
  const NO_DAEMON = '{"error":{"code":"daemon-unavailable"}}'

  function gaveUp(evidence: EvidenceBuilder, verb: 'run' | 'release', after: number): void {
    evidence.started(1600, 'lacking', verb === 'run' ? { verb, gpus: 1 } : { verb })
    evidence.prints(1600 + after, 'lacking', NO_DAEMON)
    evidence.ended(1600 + after, 'lacking', 75)
  }

  test('a command may give up after five seconds, and a release at once', () => {
    const lacking = (verb: 'run' | 'release', after: number) =>
      broken((evidence) => {
        evidence.outage(1590, 7000)
        gaveUp(evidence, verb, after)
      })
    expect(lacking('run', 5010)).toEqual([])
    expect(lacking('run', 4000)).toEqual(['ends'])
    expect(lacking('release', 10)).toEqual([])
  })

  test('a command may give up on an overloaded machine', () => {
    const gaveUp = (ms: number) =>
      broken((evidence) => {
        evidence.outage(1900, 1910)
        evidence.started(2000, 'lacking', { verb: 'run', gpus: 1 })
        evidence.entries.push({ event: 'measured', at: at(4000), ms })
        evidence.prints(7100, 'lacking', JSON.stringify({ error: { code: 'daemon-unavailable' } }))
        evidence.ended(7100, 'lacking', 75)
      })
    expect(gaveUp(700)).toEqual([])
    expect(gaveUp(200)).toEqual(['ends'])
  })

  test('a command may not give up while there is a daemon', () => {
    expect(broken((evidence) => gaveUp(evidence, 'run', 5010))).toEqual(['ends'])
    expect(broken((evidence) => gaveUp(evidence, 'release', 10))).toEqual(['ends'])
  })

  test('a grant may be unknown to its command only if the daemon ended in between', () => {
    const untold = (from: number) =>
      withoutReports((evidence) => {
        evidence.started(1600, 'untold', { verb: 'reserve', gpus: 1, holdLimit: 100 })
        evidence.record('untold', [0], [1620, 1720], { kind: 'manual', outcome: 'expired' })
        evidence.outage(from, from + 200)
        evidence.ended(2100, 'untold', 75)
      })
    expect(untold(1625)).toEqual([])
    expect(untold(1300)).toEqual(['records'])
  })

  test('a command that gives up may be granted GPUs at that moment', () => {
    const granted = (code: string) =>
      broken((evidence) => {
        evidence.forget('report', 'sum', 'table')
        evidence.outage(2000, 7100)
        evidence.started(1999, 'given-up', { verb: 'run', gpus: 1 })
        evidence.prints(7150, 'given-up', JSON.stringify({ error: { code } }))
        evidence.record('given-up', [0], [7160, 7180])
        evidence.ended(7180, 'given-up', 75)
      })
    expect(granted('daemon-unavailable')).toEqual([])
    expect(granted('not-enough-gpus')).toEqual(['records'])
  })

  test('a daemon may perform the release of a command that was killed a moment before', () => {
    const released = (ms: number, hasDaemon = true) =>
      withoutReports((evidence) => {
        if (hasDaemon) evidence.outage(1500, 1550)
        evidence.reserve('freed', [0], [1600, 1610, 1620], HOURS_8)
        evidence.record('freed', [0], [1610, ms], { kind: 'manual', outcome: 'released' })
        evidence.started(1700, 'freeing', { verb: 'release' })
        evidence.killed(1710, 'freeing', 1715)
      })
    expect(released(1735)).toEqual([])
    expect(released(1735, false)).toEqual(['records'])
    expect(released(2900)).toEqual(['records'])
  })

  test('a job gets one SIGINT', () => {
    expect(
      withoutReports((evidence) => {
        evidence.run('twice', [0], [1600, 1620, 2700, 2705], { holdLimit: 1000 })
        evidence.record('twice', [0], [1610, 2706], { outcome: 'timed-out' })
        evidence.job(2600, 'twice', 'interrupted', [0])
        evidence.job(2650, 'twice', 'interrupted', [0])
      }),
    ).toEqual(['ends'])
  })
})

test('after the wall clock was set nothing else is checked', () => {
  expect(
    broken((evidence) => {
      const { steady } = at(2000)
      evidence.entries.push({ event: 'remained', at: { steady, wall: at(3500).wall }, pids: [1] })
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
