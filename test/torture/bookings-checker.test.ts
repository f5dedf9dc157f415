import { describe, expect, test } from 'bun:test'
import { checkEvidence } from '../../torture/check/checker.ts'
import type { Rule } from '../../torture/check/violation.ts'
import { at, EvidenceBuilder } from './evidence-builder.ts'

/** The rules that this evidence violates. There are four GPUs. */
function broken(write: (evidence: EvidenceBuilder) => void): readonly Rule[] {
  const evidence = new EvidenceBuilder()
  write(evidence)
  return [...new Set(checkEvidence(evidence).violations.map(({ rule }) => rule))].sort()
}

/** A booking of two GPUs from 1000 to 2000. */
const booked = (evidence: EvidenceBuilder) => evidence.book('booked', 2, [10, 20], [1000, 2000])

/** A run on these GPUs. */
function ran(
  evidence: EvidenceBuilder,
  gpus: readonly number[],
  [from, to]: readonly [number, number],
): void {
  const command = `run${gpus}from${from}`
  evidence.run(command, gpus, [from - 5, from + 5, to - 5, to])
  evidence.record(command, gpus, [from, to])
}

describe('a booking', () => {
  test('that is kept, and one that is cancelled', () => {
    const counts = new EvidenceBuilder()
    booked(counts)
    counts.begun('booked', [1, 3], [1003, 2000])
    counts.book('cancelled', [0], [30, 40], [1000, 2000])
    counts.cancel('cancel', 'cancelled', [50, 60])
    ran(counts, [0, 2], [1500, 1900])
    expect(checkEvidence(counts)).toMatchObject({ violations: [], begun: 1, unbegun: 0 })
  })

  test('begins early, on other GPUs, under another id, or ends late', () => {
    const held = (change: (evidence: EvidenceBuilder) => void) =>
      broken((evidence) => {
        booked(evidence)
        change(evidence)
      })
    expect(held((evidence) => evidence.begun('booked', [1, 3], [999, 2000]))).toEqual(['bookings'])
    expect(held((evidence) => evidence.begun('booked', [1], [1000, 2000]))).toEqual(['bookings'])
    expect(held((evidence) => evidence.begun('booked', [1, 3], [1000, 2001]))).toEqual(['bookings'])
    expect(held((evidence) => evidence.begun('booked', [1, 3], [1000, 1900]))).toEqual(['bookings'])
    const change = { reservation: 'another' }
    expect(held((evidence) => evidence.begun('booked', [1, 3], [1000, 2000], change))).toEqual(['bookings'])
  })

  test('begins after it was cancelled, or was released by no command', () => {
    const ends = (change: (evidence: EvidenceBuilder) => void) =>
      broken((evidence) => {
        booked(evidence)
        evidence.begun('booked', [1, 3], [1000, 1500], { outcome: 'released' })
        change(evidence)
      })
    expect(ends(() => {})).toEqual(['bookings'])
    expect(ends((evidence) => evidence.release('release', [1, 3], [1490, 1510], [1, 3]))).toEqual([])
    expect(ends((evidence) => evidence.cancel('cancel', 'booked', [50, 60]))).toEqual(['bookings'])
  })

  test('is overtaken by a run', () => {
    expect(
      broken((evidence) => {
        booked(evidence)
        ran(evidence, [0], [1100, 1200])
      }),
    ).toEqual(['bookings'])
  })

  test('waits for its GPUs, and does not begin', () => {
    expect(
      broken((evidence) => {
        evidence.book('booked', 4, [10, 20], [1000, 2000])
        ran(evidence, [1], [100, 2100])
        ran(evidence, [0], [1100, 1200])
      }),
    ).toEqual([])
  })

  test('may need the GPUs that another one waits for', () => {
    expect(
      broken((evidence) => {
        booked(evidence)
        evidence.started(30, 'killed', { verb: 'book', gpus: 3 })
        evidence.killed(40, 'killed', 50)
        ran(evidence, [0], [1100, 1200])
      }),
    ).toEqual([])
  })

  test('is cancelled by another account, or not found', () => {
    const cancelled = (change: Parameters<EvidenceBuilder['started']>[2], code?: string) =>
      broken((evidence) => {
        booked(evidence)
        evidence.cancel('cancel', 'booked', [50, 60], code)
        for (const [nth, entry] of evidence.entries.entries()) {
          if (entry.event !== 'started' || entry.command !== 'cancel') continue
          evidence.entries[nth] = { ...entry, request: { ...entry.request, ...change } }
        }
      })
    const verb = 'cancel'
    expect(cancelled({ verb, uid: 1001 })).toEqual([])
    expect(cancelled({ verb, uid: 0 })).toEqual([])
    expect(cancelled({ verb, uid: 1002 })).toEqual(['bookings'])
    expect(cancelled({ verb, uid: 1002 }, 'forbidden')).toEqual([])
    expect(cancelled({ verb, uid: 1001 }, 'no-such-booking')).toEqual(['bookings'])
  })

  test('has ended when the request of another account is repeated', () => {
    expect(
      broken((evidence) => {
        booked(evidence)
        evidence.begun('booked', [1, 3], [1000, 2000])
        evidence.started(2100, 'late', { verb: 'cancel', booking: 'r-booked', uid: 1002 })
        evidence.ended(2200, 'late', 0, '{"released":[],"ended":"r-booked"}')
      }),
    ).toEqual([])
  })
})

describe('an unused booking', () => {
  const unused = (until: number, outcome: 'unused' | 'expired') =>
    broken((evidence) => {
      evidence.book('booked', [3], [10, 20], [1000, 4000])
      evidence.begun('booked', [3], [1000, until], { outcome })
      ran(evidence, [0], [2600, 2700])
    })

  test('is released after its time', () => expect(unused(2550, 'unused')).toEqual([]))
  test('is released too early', () => expect(unused(2499, 'unused')).toEqual(['bookings']))
  test('is kept in spite of a reading', () => expect(unused(4000, 'expired')).toEqual(['bookings']))
})

describe('a limit', () => {
  test('is exceeded by a run', () => {
    const limited = (from: number) =>
      broken((evidence) => {
        evidence.rule(from, 'max-gpus', 2)
        ran(evidence, [0, 1], [100, 500])
        ran(evidence, [2], [200, 400])
      })
    expect(limited(150)).toEqual(['limits'])
    expect(limited(250)).toEqual([])
  })

  test('of the time at which it was booked counts for a booking', () => {
    const limited = (lowered: number) =>
      broken((evidence) => {
        evidence.rule(5, 'max-gpus', 3)
        evidence.rule(lowered, 'max-gpus', 1)
        booked(evidence)
        evidence.begun('booked', [0, 1], [1000, 2000])
      })
    expect(limited(6)).toEqual(['limits'])
    expect(limited(15)).toEqual([])
  })

  test('of the duration is exceeded', () => {
    expect(
      broken((evidence) => {
        evidence.rule(0, 'max-duration', 999)
        booked(evidence)
        evidence.begun('booked', [0, 1], [1000, 2000])
      }),
    ).toEqual(['limits'])
  })

  test('refuses a request only while it is in force', () => {
    const refused = (key: string, reason: { code: string; limit?: string }) =>
      broken((evidence) => {
        evidence.rule(0, key, 0)
        evidence.started(10, 'waiter', { verb: 'run', gpus: 1, waitLimit: null })
        evidence.refused('waiter', 20, reason)
      })
    expect(refused('max-gpus', { code: 'over-limit', limit: 'gpus' })).toEqual([])
    expect(refused('max-gpus', { code: 'over-limit', limit: 'account' })).toEqual(['ends'])
    expect(refused('bookings', { code: 'bookings-off' })).toEqual([])
  })
})

describe('a drained GPU', () => {
  test('is granted', () => {
    const granted = (at: number) =>
      broken((evidence) => {
        evidence.drained(1, [100, 300])
        ran(evidence, [1], [at, at + 50])
      })
    expect(granted(50)).toEqual([])
    expect(granted(200)).toEqual(['drains'])
    expect(granted(350)).toEqual([])
  })

  test('is shown as available, or as drained after the next transaction', () => {
    const shown = (status: string, span: readonly [number, number]) =>
      broken((evidence) => {
        evidence.drained(1, [100, 300])
        ran(evidence, [0], [120, 400])
        ran(evidence, [2], [320, 400])
        evidence.status('status', { 0: 'run0from120' }, span)
        const last = evidence.entries.at(-1)
        if (last?.event !== 'ended') throw new Error('it has no end')
        evidence.entries.pop()
        const gpus = [
          { gpu_id: 1, status },
          { gpu_id: 0, status: 'IN_USE', note: 'run0from120' },
        ]
        evidence.ended(last.at.wall - at(0).wall, 'status', 0, JSON.stringify(gpus))
      })
    expect(shown('AVAILABLE', [130, 200])).toEqual(['gone'])
    expect(shown('AVAILABLE', [115, 200])).toEqual([])
    expect(shown('DRAINED', [310, 315])).toEqual([])
    expect(shown('DRAINED', [325, 330])).toContain('gone')
  })
})

test('a job that still runs on the GPU of a booking is a second holder', () => {
  const outlived = (seen: number) =>
    broken((evidence) => {
      booked(evidence)
      evidence.begun('booked', [0, 1], [1000, 2000])
      evidence.run('job', [0], [100, 110, seen, seen + 5])
      evidence.record('job', [0], [105, 1000])
      evidence.run('other', [3], [1005, 1010, 1020, 1030])
      evidence.record('other', [3], [1008, 1030])
    })
  expect(outlived(1003)).toEqual([])
  expect(outlived(1500)).toEqual(['holders', 'records'])
})
