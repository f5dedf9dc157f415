import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { runningTimes, tallied, usageReport } from '../../../src/domain/ledger/report.ts'
import { acquire } from '../../../src/domain/operation/acquisition.ts'
import { endWhere, settle } from '../../../src/domain/operation/ending.ts'
import { followClock } from '../../../src/domain/pool/clock.ts'
import type { Liveness, Moment, Pool, ProcessIdentity, UsageRecord } from '../../../src/domain/pool/model.ts'
import { unitsOf } from '../../../src/domain/pool/units.ts'
import { allIdle } from '../pool/arbitraries.ts'
import { identity, NOON, owner, poolOf, someUnits, units } from '../pool/builders.ts'

/** One step in the life of a pool. */
type Step =
  | { readonly do: 'run'; readonly uid: number; readonly count: number }
  | { readonly do: 'reserve'; readonly uid: number; readonly count: number; readonly minutes: number }
  | { readonly do: 'release'; readonly uid: number }
  | { readonly do: 'kill'; readonly nth: number }
  | { readonly do: 'pass'; readonly minutes: number }
  | { readonly do: 'setClock'; readonly seconds: number }

const uid = fc.integer({ min: 1, max: 3 })
const count = fc.integer({ min: 1, max: 3 })
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ do: fc.constant('run' as const), uid, count }),
  fc.record({ do: fc.constant('reserve' as const), uid, count, minutes: fc.integer({ min: 1, max: 600 }) }),
  fc.record({ do: fc.constant('release' as const), uid }),
  fc.record({ do: fc.constant('kill' as const), nth: fc.nat(3) }),
  fc.record({ do: fc.constant('pass' as const), minutes: fc.integer({ min: 0, max: 300 }) }),
  fc.record({
    do: fc.constant('setClock' as const),
    // A difference of less than a second may come from reading the two clocks one after the other.
    seconds: fc.integer({ min: -40_000_000, max: 40_000_000 }).filter((s) => Math.abs(s) >= 2),
  }),
)

/** The holders in true time. It uses no wall clock and shares no code with the domain. */
class Oracle {
  readonly gpuCount: number
  minute = 0
  held: { id: string; uid: number; count: number; since: number; until: number; pid: number }[] = []
  /** GPU minutes and records of ended reservations. */
  minutes = 0
  records = 0

  constructor(gpuCount: number) {
    this.gpuCount = gpuCount
  }

  get free(): number {
    return this.gpuCount - this.held.reduce((sum, each) => sum + each.count, 0)
  }

  end(hasEnded: (each: Oracle['held'][number]) => boolean): void {
    for (const each of this.held.filter(hasEnded)) {
      this.minutes += each.count * (Math.min(each.until, this.minute) - each.since)
      this.records += each.count
    }
    this.held = this.held.filter((each) => !hasEnded(each))
  }
}

const MINUTE = 60_000
const GPUS = 5

/** The real rules on a machine whose clocks and processes the test controls. */
class Machine {
  pool: Pool = poolOf(units(GPUS))
  wallOffset = 0
  readonly dead = new Set<number>()
  readonly records: UsageRecord[] = []
  readonly oracle = new Oracle(GPUS)
  #ids = 0

  get moment(): Moment {
    const ms = this.oracle.minute * MINUTE
    return {
      wall: NOON.wall + ms + this.wallOffset,
      steady: { epoch: NOON.steady.epoch, ms: NOON.steady.ms + ms },
    }
  }

  alive = ({ pid }: ProcessIdentity): Liveness => (this.dead.has(pid) ? 'gone' : 'alive')

  /** The same steps as the store: settle, decide, commit with the moment of writing. */
  command(decide: (pool: Pool) => { pool: Pool; ended?: readonly UsageRecord[] }): void {
    const current = followClock(this.pool, this.moment)
    const settled = settle(current, this.moment, { alive: this.alive, stopped: () => false })
    const { pool, ended = [] } = decide(settled.pool)
    this.records.push(...settled.ended, ...ended)
    if (pool !== this.pool) this.pool = { ...pool, writtenAt: this.moment }
    this.oracle.end((each) => each.until <= this.oracle.minute || this.dead.has(each.pid))
  }

  acquire(step: Extract<Step, { do: 'run' | 'reserve' }>): void {
    const { uid, count } = step
    const id = `r${++this.#ids}`
    const pid = this.#ids
    const { minute } = this.oracle
    this.command((pool) => {
      const term =
        step.do === 'run'
          ? ({ kind: 'run', process: identity(pid), command: 'true' } as const)
          : ({ kind: 'manual', duration: step.minutes * MINUTE } as const)
      const intent = { id, request: someUnits(count), owner: owner(uid, `u${uid}`), term }
      return acquire(pool, intent, {
        now: this.moment.wall,
        stopped: () => false,
        evidence: allIdle(pool),
      })
    })
    if (this.oracle.free < count) return
    const until = step.do === 'run' ? Number.POSITIVE_INFINITY : minute + step.minutes
    this.oracle.held.push({ id, uid, count, since: minute, until, pid: step.do === 'run' ? pid : -pid })
  }

  perform(step: Step): void {
    switch (step.do) {
      case 'run':
      case 'reserve':
        this.acquire(step)
        return
      case 'release':
        this.command((pool) =>
          endWhere(pool, (each) =>
            each.term.kind === 'manual' && each.owner.account.uid === step.uid
              ? { outcome: 'released', at: this.moment.wall }
              : null,
          ),
        )
        this.oracle.end((each) => each.uid === step.uid && each.pid < 0)
        return
      case 'kill': {
        const victim = this.oracle.held.filter((each) => each.pid > 0)[step.nth]
        if (victim !== undefined) this.dead.add(victim.pid)
        break
      }
      case 'pass':
        this.oracle.minute += step.minutes
        break
      case 'setClock':
        this.wallOffset += step.seconds * 1_000
    }
    this.command((pool) => ({ pool }))
  }
}

test('after any events and clock changes, the pool agrees with the oracle', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const machine = new Machine()
      for (const each of steps) {
        machine.perform(each)
        const { pool, oracle, moment } = machine
        expect(pool.reservations.map(({ id, holdings }) => [id, holdings.length])).toEqual(
          oracle.held.map(({ id, count }) => [id, count]),
        )
        const held = pool.reservations.flatMap(unitsOf)
        expect(new Set(held).size).toBe(held.length)
        for (const { startedAt, term } of pool.reservations) {
          expect(startedAt).toBeLessThanOrEqual(moment.wall)
          if (term.kind === 'manual') expect(term.expiresAt).toBeGreaterThan(moment.wall)
        }
        for (const { lastUse } of pool.units) {
          expect(lastUse?.endedAt ?? 0).toBeLessThanOrEqual(moment.wall)
        }
      }
    }),
    { numRuns: 300 },
  )
})

test('one record for each GPU of each ended reservation; the report has the held hours', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const machine = new Machine()
      for (const each of steps) machine.perform(each)
      const { records, oracle, pool, moment } = machine
      expect(records).toHaveLength(oracle.records)
      expect(new Set(records.map((each) => `${each.reservation}/${each.unit}`)).size).toBe(records.length)
      for (const record of records) expect(record.endedAt).toBeGreaterThanOrEqual(record.startedAt)

      const running = oracle.held.reduce((sum, each) => sum + each.count * (oracle.minute - each.since), 0)
      const times = [...records, ...runningTimes(pool, moment.wall)]
      const range = { from: 0, to: Number.MAX_SAFE_INTEGER }
      const report = usageReport(tallied(times, range), range, 30)
      expect(report.total.gpuHours).toBeCloseTo((oracle.minutes + running) / 60, 6)
    }),
    { numRuns: 300 },
  )
})
