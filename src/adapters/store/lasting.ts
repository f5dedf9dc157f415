import type { RecordedTime, TimeRange } from '../../domain/ledger/recorded.ts'
import type { Moment, Pool } from '../../domain/pool/model.ts'
import type { Decide, Decision, LockPatience, Store } from '../../ports/ports.ts'

/**
 * A store for a process that stays. After a failure it is opened anew at the next use, and so goes on with
 * whatever pool is in its place by then: set up anew, or mended.
 */
export class LastingStore implements Store {
  readonly #open: () => Promise<Store>
  #opened: Opened
  #reopening: Promise<void> | undefined

  constructor(store: Store, open: () => Promise<Store>) {
    this.#opened = { store, users: 0, hasFailed: false }
    this.#open = open
  }

  read() {
    return this.#use((store) => store.read())
  }

  update<Result>(decide: Decide<Result>): Promise<Result> {
    return this.#use((store) => store.update(decide))
  }

  initialize<Result>(decide: (pool: Pool | null, moment: Moment) => Decision<Result>): Promise<Result> {
    return this.#use((store) => store.initialize(decide))
  }

  turns() {
    return this.#use((store) => store.turns())
  }

  history(range: TimeRange, most?: number) {
    return this.#use((store) => store.history(range, most))
  }

  visitTimes(range: TimeRange, visit: (time: RecordedTime) => void) {
    return this.#use((store) => store.visitTimes(range, visit))
  }

  usage(range: TimeRange, reservations: readonly string[]) {
    return this.#use((store) => store.usage(range, reservations))
  }

  changes(signal: AbortSignal) {
    return this.#opened.store.changes(signal)
  }

  lineCalls(entry: string) {
    return this.#opened.store.lineCalls(entry)
  }

  bounded(patience: LockPatience): Store {
    return this.#opened.store.bounded(patience)
  }

  close(): void {
    this.#opened.store.close()
  }

  async #use<Result>(use: (store: Store) => Promise<Result>): Promise<Result> {
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
  readonly store: Store
  /** How many uses are under way; some may wait for the lock while another fails. */
  users: number
  hasFailed: boolean
}

function closeUnused({ store, users }: Opened): void {
  if (users === 0) store.close()
}
