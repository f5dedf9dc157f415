import type { RecordedHold, TimeRange } from '../../domain/ledger/recorded.ts'
import type { OpenedPool } from '../../ports/opened-pool.ts'
import type { Creation, Decide, LockPatience } from '../../ports/store.ts'

/**
 * A store for a long-running process. After a failure the next use opens the path again, where there may be a new or a
 * repaired pool by then.
 */
export class ReopeningStore implements OpenedPool {
  readonly #open: () => Promise<OpenedPool>
  #opened: Opened
  #reopening: Promise<void> | undefined

  constructor(store: OpenedPool, open: () => Promise<OpenedPool>) {
    this.#opened = { store, users: 0, hasFailed: false }
    this.#open = open
  }

  load() {
    return this.#use((store) => store.load())
  }

  update<Answer>(change: Decide<Answer> | Creation<Answer>): Promise<Answer> {
    return this.#use((store) => store.update(change))
  }

  turns() {
    return this.#use((store) => store.turns())
  }

  history(range: TimeRange, most?: number) {
    return this.#use((store) => store.history(range, most))
  }

  visitTimes(range: TimeRange, visit: (time: RecordedHold) => void) {
    return this.#use((store) => store.visitTimes(range, visit))
  }

  usage(range: TimeRange, reservations: readonly string[]) {
    return this.#use((store) => store.usage(range, reservations))
  }

  isRecorded(reservation: string) {
    return this.#use((store) => store.isRecorded(reservation))
  }

  audit(most: number) {
    return this.#use((store) => store.audit(most))
  }

  changes(signal: AbortSignal) {
    return this.#opened.store.changes(signal)
  }

  calls(entry: string) {
    return this.#opened.store.calls(entry)
  }

  bounded(patience: LockPatience): OpenedPool {
    return this.#opened.store.bounded(patience)
  }

  close(): void {
    this.#opened.store.close()
  }

  async #use<Result>(use: (store: OpenedPool) => Promise<Result>): Promise<Result> {
    if (this.#opened.hasFailed) await this.#reopenOnce()
    const opened = this.#opened
    opened.users++
    try {
      return await use(opened.store)
    } catch (error) {
      opened.hasFailed = true
      throw error
    } finally {
      opened.users--
      if (opened !== this.#opened) closeUnused(opened)
    }
  }

  #reopenOnce(): Promise<void> {
    this.#reopening ??= this.#reopen().finally(() => {
      this.#reopening = undefined
    })
    return this.#reopening
  }

  async #reopen(): Promise<void> {
    const store = await this.#open()
    const before = this.#opened
    this.#opened = { store, users: 0, hasFailed: false }
    closeUnused(before)
  }
}

interface Opened {
  readonly store: OpenedPool
  /** The number of uses in progress. Some may wait for the lock while another fails. */
  users: number
  hasFailed: boolean
}

function closeUnused({ store, users }: Opened): void {
  if (users === 0) store.close()
}
