import { CanhazgpuError } from '../../domain/errors.ts'
import type { RecordedHold, TimeRange } from '../../domain/ledger/recorded.ts'
import type { Moment, Pool } from '../../domain/pool/model.ts'
import type { OpenedPool } from '../../ports/opened-pool.ts'
import type { Commit, Creation, Decide } from '../../ports/store.ts'
import { MemoryLedger } from './memory-ledger.ts'
import type { MemoryPlace } from './memory-place.ts'
import { MemoryWakeups } from './memory-wakeups.ts'

/** A store without a disk: its contents end with this process, and it never waits for a lock. */
export class MemoryStore implements OpenedPool {
  readonly #place: MemoryPlace
  readonly #now: () => Moment
  readonly #ledger: MemoryLedger
  readonly #wakeups: MemoryWakeups

  constructor(place: MemoryPlace, now: () => Moment) {
    this.#place = place
    this.#now = now
    this.#ledger = new MemoryLedger(place)
    this.#wakeups = new MemoryWakeups(place)
  }

  async load() {
    return { pool: existing(this.#place.pool), moment: this.#now() }
  }

  /** Decides again if the decision itself changed the pool. */
  async update<Answer>(change: Decide<Answer> | Creation<Answer>): Promise<Answer> {
    for (;;) {
      const { revision } = this.#place
      const moment = this.#now()
      const commit = decided(change, this.#place.pool, moment)
      if (revision !== this.#place.revision) continue
      if (this.#place.commit(commit, moment)) this.#place.announce()
      return commit.answer
    }
  }

  history(range: TimeRange, most?: number) {
    return this.#ledger.history(range, most)
  }

  visitTimes(range: TimeRange, visit: (time: RecordedHold) => void) {
    return this.#ledger.visitTimes(range, visit)
  }

  usage(range: TimeRange, reservations: readonly string[]) {
    return this.#ledger.usage(range, reservations)
  }

  isRecorded(reservation: string) {
    return this.#ledger.isRecorded(reservation)
  }

  audit(most: number) {
    return this.#ledger.audit(most)
  }

  changes(signal: AbortSignal) {
    return this.#wakeups.changes(signal)
  }

  calls(entry: string) {
    return this.#wakeups.calls(entry)
  }

  turns() {
    return this.#wakeups.turns()
  }

  bounded(): OpenedPool {
    return this
  }

  close(): void {}
}

export function decided<Answer>(
  change: Decide<Answer> | Creation<Answer>,
  pool: Pool | null,
  moment: Moment,
): Commit<Answer> {
  return typeof change === 'function' ? change(existing(pool), moment) : change.create(pool, moment)
}

export function existing(pool: Pool | null): Pool {
  if (pool === null) throw new CanhazgpuError('pool-not-initialized', 'There is no pool')
  return pool
}
