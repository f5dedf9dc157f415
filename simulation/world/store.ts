import { CanhazgpuError } from '../../src/domain/errors.ts'
import type { RecordedTime, TimeRange } from '../../src/domain/ledger/recorded.ts'
import { tallied } from '../../src/domain/ledger/report.ts'
import type { Moment, Pool, UsageRecord } from '../../src/domain/pool/model.ts'
import type { Decide, Decision, LineCalls, RecordedUsage, Store } from '../../src/ports/ports.ts'
import type { Process } from './process.ts'
import type { StoredPool } from './stored-pool.ts'

type Deciding<Result> = (pool: Pool | null, moment: Moment) => Decision<Result>

/** The store as one process has it open. Each operation takes time; others come between its parts. */
export class ProcessStore implements Store {
  readonly #process: Process
  readonly #stored: StoredPool
  readonly #isSlow: boolean
  #closed = false

  constructor(process: Process) {
    this.#process = process
    this.#isSlow = process.chance.is(0.08)
    this.#stored = process.machine.stored
  }

  async read() {
    await this.#reach()
    const pool = this.#present()
    const moment = this.#process.moment()
    this.#stored.auditor.looked(this.#process, pool, moment)
    return { pool, moment }
  }

  /** As the embedded store does it: what changes nothing is decided on a snapshot, without a lock. */
  async update<Result>(decide: Decide<Result>): Promise<Result> {
    await this.#reach()
    const seen = this.#present()
    const revision = this.#stored.revision
    const moment = this.#process.moment()
    const first = decide(seen, moment)
    this.#process.decided = { pool: first.pool, wall: moment.wall }
    if (first.pool === seen && first.ended.length === 0) return this.#answer(first.result)
    await this.#process.suspend(this.#latency(), () => {})
    this.#mayFail(this.#stored.trouble.before)
    const isRecent = this.#process.moment().steady.ms - moment.steady.ms < 1_000
    if (this.#stored.comparesAndSets && revision === this.#stored.revision && isRecent) {
      return this.#committed(first, moment)
    }
    return this.#commit((pool, now) => decide(pool ?? missing(), now))
  }

  async initialize<Result>(decide: Deciding<Result>): Promise<Result> {
    await this.#reach()
    return this.#commit(decide)
  }

  async turns(): Promise<readonly string[]> {
    await this.#reach()
    return this.#stored.turns
  }

  async history(range: TimeRange, most?: number): Promise<readonly UsageRecord[]> {
    await this.#reach()
    const records = this.#recordsOf(range).sort((a, b) => a.endedAt - b.endedAt)
    return most === undefined ? records : records.slice(Math.max(0, records.length - most))
  }

  async visitTimes(range: TimeRange, visit: (time: RecordedTime) => void): Promise<void> {
    await this.#reach()
    for (const { owner, startedAt, endedAt } of this.#recordsOf(range)) {
      visit({ user: owner.shownName, account: owner.account, startedAt, endedAt })
    }
  }

  async usage(range: TimeRange, reservations: readonly string[]): Promise<RecordedUsage> {
    await this.#reach()
    const records = this.#recordsOf(range)
    return {
      tallies: tallied(records, range),
      records: records.filter((record) => reservations.includes(record.reservation)),
    }
  }

  changes(): AsyncIterable<void> {
    throw new Error('watchers of the simulated store are told by StoredPool')
  }

  lineCalls(): LineCalls {
    throw new Error('waiters of the simulated store are called by StoredPool')
  }

  bounded(): Store {
    return this
  }

  close(): void {
    this.#closed = true
  }

  async #commit<Result>(decide: Deciding<Result>): Promise<Result> {
    const moment = this.#process.moment()
    if (this.#process.chance.is(this.#stored.trouble.conflict)) decide(this.#stored.pool, moment)
    const decision = decide(this.#stored.pool, moment)
    this.#process.decided = { pool: decision.pool, wall: moment.wall }
    return this.#committed(decision, moment)
  }

  /** Who is killed between commit and announcement leaves a change that nobody is told of. */
  async #committed<Result>(decision: Decision<Result>, moment: Moment): Promise<Result> {
    const { machine, chance } = this.#process
    if (this.#stored.commit(this.#process, decision, moment)) {
      await this.#process.suspend(chance.below(2), () => this.#stored.announce(machine))
    }
    return this.#answer(decision.result)
  }

  async #answer<Result>(result: Result): Promise<Result> {
    await this.#process.suspend(this.#latency(), () => this.#mayFail(this.#stored.trouble.after))
    return result
  }

  #reach(): Promise<void> {
    if (this.#closed) throw new Error('a closed store was used')
    return this.#process.suspend(this.#latency(), () => this.#mayFail(this.#stored.trouble.before))
  }

  #mayFail(probability: number): void {
    if (probability > 0 && this.#process.chance.is(probability)) {
      throw new CanhazgpuError('store-unavailable', 'The connection was lost')
    }
  }

  #latency(): number {
    const { chance } = this.#process
    return !this.#isSlow && chance.is(0.97) ? chance.below(4) : chance.spread(5, 250)
  }

  #recordsOf({ from, to }: TimeRange): UsageRecord[] {
    const records = [...this.#stored.history.values()]
    return records.filter((record) => record.endedAt >= from && record.startedAt <= to)
  }

  #present(): Pool {
    return this.#stored.pool ?? missing()
  }
}

function missing(): never {
  throw new CanhazgpuError('pool-not-initialized', 'There is no pool')
}
