import { MemoryLedger } from '../../src/adapters/memory/memory-ledger.ts'
import { decided, existing } from '../../src/adapters/memory/memory-store.ts'
import { CanhazgpuError } from '../../src/domain/errors.ts'
import type { AuditRecord } from '../../src/domain/ledger/audit.ts'
import type { RecordedHold, TimeRange } from '../../src/domain/ledger/recorded.ts'
import type { Moment, UsageRecord } from '../../src/domain/pool/model.ts'
import type { RecordedUsage } from '../../src/ports/ledger.ts'
import type { OpenedPool } from '../../src/ports/opened-pool.ts'
import type { Commit, Creation, Decide } from '../../src/ports/store.ts'
import type { Calls } from '../../src/ports/wakeups.ts'
import type { Process } from './process.ts'
import type { StoredPool } from './stored-pool.ts'

/** The store of one process. Each operation takes time, and other processes may act between its parts. */
export class ProcessStore implements OpenedPool {
  readonly #process: Process
  readonly #stored: StoredPool
  readonly #ledger: MemoryLedger
  readonly #isSlow: boolean
  #closed = false

  constructor(process: Process) {
    this.#process = process
    this.#isSlow = process.chance.is(0.08)
    this.#stored = process.machine.stored
    this.#ledger = new MemoryLedger(this.#stored.place)
  }

  async load() {
    await this.#reach()
    const pool = existing(this.#stored.pool)
    const moment = this.#process.moment()
    this.#stored.auditor.loaded(this.#process, pool, moment)
    return { pool, moment }
  }

  /** Like the embedded store: a decision that changes nothing is made on a snapshot, without a lock. */
  async update<Answer>(change: Decide<Answer> | Creation<Answer>): Promise<Answer> {
    await this.#reach()
    if (typeof change !== 'function') return this.#commit(change)
    const snapshot = existing(this.#stored.pool)
    const revision = this.#stored.place.revision
    const moment = this.#process.moment()
    const first = change(snapshot, moment)
    this.#process.lastDecision = { pool: first.pool, wall: moment.wall }
    if (first.pool === snapshot && first.records.length === 0) return this.#answer(first.answer)
    await this.#process.suspend(this.#latency(), () => {})
    this.#mayFail(this.#stored.faults.before)
    const isRecent = this.#process.moment().steady.ms - moment.steady.ms < 1_000
    if (this.#stored.comparesAndSets && revision === this.#stored.place.revision && isRecent) {
      return this.#committed(first, moment)
    }
    return this.#commit(change)
  }

  async turns(): Promise<readonly string[]> {
    await this.#reach()
    return this.#stored.place.turns
  }

  async history(range: TimeRange, most?: number): Promise<readonly UsageRecord[]> {
    await this.#reach()
    return this.#ledger.history(range, most)
  }

  async visitTimes(range: TimeRange, visit: (time: RecordedHold) => void): Promise<void> {
    await this.#reach()
    return this.#ledger.visitTimes(range, visit)
  }

  async usage(range: TimeRange, reservations: readonly string[]): Promise<RecordedUsage> {
    await this.#reach()
    return this.#ledger.usage(range, reservations)
  }

  async isRecorded(reservation: string): Promise<boolean> {
    await this.#reach()
    return this.#ledger.isRecorded(reservation)
  }

  async audit(most: number): Promise<readonly AuditRecord[]> {
    await this.#reach()
    return this.#ledger.audit(most)
  }

  changes(): AsyncIterable<void> {
    throw new Error('StoredPool wakes the watchers of the simulated store')
  }

  calls(): Calls {
    throw new Error('StoredPool calls the waiters of the simulated store')
  }

  bounded(): OpenedPool {
    return this
  }

  close(): void {
    this.#closed = true
  }

  async #commit<Answer>(change: Decide<Answer> | Creation<Answer>): Promise<Answer> {
    const moment = this.#process.moment()
    if (this.#process.chance.is(this.#stored.faults.conflict)) decided(change, this.#stored.pool, moment)
    const commit = decided(change, this.#stored.pool, moment)
    this.#process.lastDecision = { pool: commit.pool, wall: moment.wall }
    return this.#committed(commit, moment)
  }

  /** A process that is killed between commit and announcement leaves a change without a wake-up. */
  async #committed<Answer>(commit: Commit<Answer>, moment: Moment): Promise<Answer> {
    const { machine, chance } = this.#process
    if (this.#stored.commit(this.#process, commit, moment)) {
      await this.#process.suspend(chance.below(2), () => this.#stored.announce(machine))
    }
    return this.#answer(commit.answer)
  }

  async #answer<Answer>(answer: Answer): Promise<Answer> {
    await this.#process.suspend(this.#latency(), () => this.#mayFail(this.#stored.faults.after))
    return answer
  }

  #reach(): Promise<void> {
    if (this.#closed) throw new Error('a closed store was used')
    return this.#process.suspend(this.#latency(), () => this.#mayFail(this.#stored.faults.before))
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
}
