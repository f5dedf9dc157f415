import type { AuditRecord } from '../../domain/ledger/audit.ts'
import type { Moment, Pool, UsageRecord } from '../../domain/pool/model.ts'
import type { Commit } from '../../ports/store.ts'

/** The stored state of one host, in the memory of this process. All `MemoryStore`s of one place share it. */
export class MemoryPlace {
  pool: Pool | null = null
  /** The `wake` of the last commit that changed the pool. */
  turns: readonly string[] = []
  /** The number of commits. */
  revision = 0
  /** In the order of the commits. */
  readonly audit: AuditRecord[] = []
  /** By reservation and unit. */
  readonly #records = new Map<string, UsageRecord>()
  readonly #watchers = new Set<() => void>()
  readonly #written: (pool: Pool, moment: Moment) => Pool

  /** `written` returns the pool to keep, with the moment as its `writtenAt`. */
  constructor(written = (pool: Pool, moment: Moment): Pool => ({ ...pool, writtenAt: moment })) {
    this.#written = written
  }

  get records(): Iterable<UsageRecord> {
    return this.#records.values()
  }

  /** Returns whether there was anything to commit. Wakes nobody. */
  commit({ pool, records, audit = [], wake }: Commit<unknown>, moment: Moment): boolean {
    if (pool === this.pool && records.length === 0) return false
    if (pool !== this.pool) {
      this.pool = this.#written(pool, moment)
      this.turns = wake
    }
    this.audit.push(...audit)
    for (const record of records) {
      const key = `${record.reservation}/${record.unit}`
      if (!this.#records.has(key)) this.#records.set(key, record)
    }
    this.revision++
    return true
  }

  announce(): void {
    for (const notify of [...this.#watchers]) notify()
  }

  /** Calls back at each announcement until the returned function is called. */
  watch(notify: () => void): () => void {
    this.#watchers.add(notify)
    return () => void this.#watchers.delete(notify)
  }
}
