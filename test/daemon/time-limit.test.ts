import { expect, test } from 'bun:test'
import { type Stopper, stopAtLimit, type TimeLimitParts } from '../../src/daemon/time-limit.ts'
import type { Millis, Reservation, RunTerm } from '../../src/domain/pool/model.ts'
import { gpuUnit, wholeUnits } from '../../src/domain/pool/units.ts'

const GRACE: Millis = 30_000
/** The daemon waits this long for a stopper that does nothing. */
const MARGIN: Millis = 10_000

const PROCESS = { pid: 77, startTime: 5, bootId: 'b', pidNamespace: '1' }
const RUN: Reservation<RunTerm> = {
  ...{ id: 'r', owner: { account: { uid: 1_000, name: 'ann' }, shownName: 'ann' }, startedAt: 0 },
  holdings: wholeUnits([gpuUnit(0)]),
  term: { kind: 'run', process: PROCESS, heartbeatAt: 0, command: 'train' },
}

interface Scene {
  /** When the command ends, as a number of signals; never if it is absent. */
  readonly diesAfter?: number
  readonly stopper?: 'works' | 'does nothing' | 'has ended' | 'cannot start'
  readonly interruptedAt?: Millis
  readonly isDiskFull?: boolean
  readonly grace?: Millis
  readonly killIn?: Millis
  /** The messages are never written. */
  readonly blocksMessages?: boolean
}

/** Stops a job, and returns what happened when. Time passes only in pauses. */
async function stopping({ diesAfter = Number.POSITIVE_INFINITY, stopper = 'works', ...scene }: Scene) {
  let now = 1_000_000
  let noted = scene.interruptedAt ?? null
  let signals = 0
  const seen: string[] = []
  const logged: unknown[] = []
  const signal = (by: string, name: string) => {
    if (signals >= diesAfter) return
    signals++
    seen.push(`${by} ${name} ${now - 1_000_000}`)
  }
  const isAlive = () => signals < diesAfter
  const child: Stopper = {
    interrupt: async () => {
      if (stopper === 'does nothing') return new Promise(() => {})
      if (stopper === 'works') signal('stopper', 'SIGINT')
      return stopper === 'works'
    },
    kill: () => {
      if (stopper === 'works') signal('stopper', 'SIGKILL')
    },
    hasEnded: () => stopper === 'has ended' || (stopper === 'works' && !isAlive()),
    end: () => {},
  }
  const parts: TimeLimitParts = {
    processes: {
      alive: () => (isAlive() ? 'alive' : 'gone'),
      signal: (_, name) => signal('daemon', name),
    },
    startStopper: () => {
      if (stopper === 'cannot start') throw new Error('no process left')
      return child
    },
    tell: async () => {
      if (scene.blocksMessages === true) now += 1_000
    },
    interrupts: {
      read: () => noted,
      note: (_, at) => {
        if (scene.isDiskFull !== true) noted = at
        return scene.isDiskFull !== true
      },
      forget: () => {
        noted = null
      },
    },
    clock: () => now,
    pause: async (ms) => {
      now += ms
      if (now > 5_000_000) throw new Error('it waits for ever')
    },
    log: (error) => logged.push(error),
  }
  const { grace = GRACE, killIn = grace } = scene
  const ended = stopAtLimit({ run: RUN, grace, killIn }, parts)
  const failure = await ended.then(() => null, String)
  return { seen, logged, failure, noted: () => noted }
}

const timesOf = (seen: readonly string[], what: string): readonly number[] =>
  seen.filter((each) => each.startsWith(what)).map((each) => Number(each.split(' ')[2]))

test('a job that ends after SIGINT gets no other signal', async () => {
  const { seen, noted, logged } = await stopping({ diesAfter: 1 })
  expect(seen).toEqual(['stopper SIGINT 0'])
  expect([noted(), logged]).toEqual([null, []])
})

test('a job that ignores SIGINT is killed after its grace period', async () => {
  const { seen } = await stopping({ diesAfter: 2 })
  expect(seen).toEqual(['stopper SIGINT 0', `stopper SIGKILL ${GRACE}`])
})

test.each(['does nothing', 'has ended', 'cannot start'] as const)(
  'a stopper that %s: the daemon sends both signals itself, a little later',
  async (stopper) => {
    const { seen } = await stopping({ diesAfter: 2, stopper })
    const [interrupted = -1] = timesOf(seen, 'daemon SIGINT')
    const [killed = -1] = timesOf(seen, 'daemon SIGKILL')
    expect(seen).toHaveLength(2)
    expect(interrupted).toBeWithin(0, MARGIN)
    expect(killed).toBeWithin(GRACE, GRACE + MARGIN)
  },
)

test('a stopper that does nothing delays SIGKILL by seconds, however short the grace period is', async () => {
  const { seen } = await stopping({ diesAfter: 2, stopper: 'does nothing', grace: 500, blocksMessages: true })
  const [killed = -1] = timesOf(seen, 'daemon SIGKILL')
  expect(killed).toBeWithin(500, 7_000)
})

test('messages that are never written delay each signal by a second at most', async () => {
  const { seen } = await stopping({ diesAfter: 2, blocksMessages: true })
  expect(seen).toEqual(['stopper SIGINT 1000', `stopper SIGKILL ${GRACE + 1_000}`])
})

test.each([
  ['half of the grace period ago', 1_000_000 - GRACE / 2, GRACE / 2],
  ['long ago', 1_000, 0],
])('a job that an earlier daemon interrupted %s gets SIGKILL in time, and no SIGINT', async (_, at, in_) => {
  const { seen } = await stopping({ diesAfter: 1, interruptedAt: at, killIn: -5 })
  expect(seen).toEqual([`stopper SIGKILL ${in_}`])
})

test('a limit that passed in an outage: the job gets its whole grace period', async () => {
  const { seen } = await stopping({ diesAfter: 2, killIn: -3_600_000 })
  expect(seen).toEqual(['stopper SIGINT 0', `stopper SIGKILL ${GRACE}`])
})

test('if the time of SIGINT cannot be stored, the grant alone decides when the job is killed', async () => {
  const { seen } = await stopping({ diesAfter: 2, isDiskFull: true, killIn: 20_000 })
  expect(seen).toEqual(['stopper SIGINT 0', 'stopper SIGKILL 20000'])
})

test('a process that cannot be killed is killed again and again, with one line in the log', async () => {
  const { seen, logged, failure } = await stopping({})
  expect(failure).toContain('it waits for ever')
  expect(timesOf(seen, 'daemon SIGKILL').length).toBeGreaterThan(100)
  expect(logged).toHaveLength(1)
  expect(String(logged[0])).toContain('77')
})
