import type { Moment, Pool } from '../../domain/model.ts'
import type { Decide, Decision, LockPatience, RecordedTime, Store, TimeRange } from '../../domain/ports.ts'

/**
 * A store for a process that stays. After a failure it is opened anew at the next use, and so goes on with
 * whatever pool is in its place by then: set up anew, or mended.
 */
export class LastingStore implements Store {
  readonly #open: () => Promise<Store>
  #store: Store
  #failed = false

  constructor(store: Store, open: () => Promise<Store>) {
    this.#store = store
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
    return this.#store.changes(signal)
  }

  lineCalls(entry: string) {
    return this.#store.lineCalls(entry)
  }

  bounded(patience: LockPatience): Store {
    return this.#store.bounded(patience)
  }

  close(): void {
    this.#store.close()
  }

  async #use<Result>(use: (store: Store) => Promise<Result>): Promise<Result> {
    if (this.#failed) await this.#reopen()
    try {
      return await use(this.#store)
    } catch (error) {
      this.#failed = true
      throw error
    }
  }

  async #reopen(): Promise<void> {
    const opened = await this.#open()
    this.#store.close()
    this.#store = opened
    this.#failed = false
  }
}
