import { AccountShares } from '../domain/account-shares.ts'
import { FairQueue } from '../domain/fair-queue.ts'
import type { Millis } from '../domain/pool/model.ts'

const MEBIBYTE = 1024 * 1024

/** The most bytes of waiting requests. */
const MOST_WAITING = { ofAccount: 4 * MEBIBYTE, ofAll: 16 * MEBIBYTE }

/** The memory of a task that waits, besides its request. */
const TASK_SIZE = 512

/** After this time the event loop looks at its sockets and timers. */
const SLICE_MS: Millis = 4

/** What a task takes after its first part, at least. */
const LATER_PARTS_MS: Millis = 0.2

export interface TurnsParts {
  /** The maximum number of tasks that run at the same time. */
  readonly mostAtOnce: number
  /** The same for one account. */
  readonly mostPerAccount: number
  /** Steady time. */
  readonly clock: () => Millis
}

export interface Task {
  /** The size of its request in bytes. */
  readonly size: number
  /** Must not reject. */
  readonly perform: () => Promise<void>
}

interface Waiting extends Task {
  readonly uid: number
}

/**
 * Performs requests account by account, so that many requests of one account do not delay those of another. The
 * account for which the daemon has worked least is next.
 */
export class FairTurns {
  readonly #parts: TurnsParts
  readonly #waiting = new FairQueue<Waiting>()
  /** Bytes of the waiting requests of each account. */
  readonly #sizes = new AccountShares(MOST_WAITING)
  readonly #running = new Map<number, number>()
  #count = 0
  /** Time that tasks have taken since the last look at the sockets. */
  #taken: Millis = 0
  #isScheduled = false

  constructor(parts: TurnsParts) {
    this.#parts = parts
  }

  /** False if too many requests of this account wait already. */
  add(uid: number, task: Task): boolean {
    const size = task.size + TASK_SIZE
    if (this.#sizes.isExceeded(uid, size)) return false
    this.#sizes.add(uid, size)
    this.#waiting.add(uid, { ...task, size, uid })
    if (!this.#isScheduled) this.#start()
    return true
  }

  #start(): void {
    const { mostAtOnce, mostPerAccount } = this.#parts
    while (this.#count < mostAtOnce) {
      if (this.#taken >= SLICE_MS) {
        this.#startLater()
        return
      }
      const next = this.#waiting.next((uid) => (this.#running.get(uid) ?? 0) < mostPerAccount)
      if (next === undefined) return
      this.#sizes.add(next.uid, -next.size)
      void this.#perform(next)
    }
  }

  /** In the next iteration of the event loop, if an account waits for its turn. */
  #startLater(): void {
    if (this.#isScheduled || this.#waiting.isEmpty) return
    this.#isScheduled = true
    setImmediate(() => {
      this.#isScheduled = false
      this.#taken = 0
      this.#start()
    })
  }

  async #perform({ uid, perform }: Waiting): Promise<void> {
    this.#count++
    changeBy(this.#running, uid, 1)
    await this.#timed(uid, perform)
    this.#count--
    changeBy(this.#running, uid, -1)
    // Tasks that never wait for anything would otherwise follow each other without a look at the sockets.
    this.#startLater()
  }

  /** What the task does before it first waits takes the time of all accounts; its waiting does not. */
  #timed(uid: number, perform: Task['perform']): Promise<void> {
    const { clock } = this.#parts
    const began = clock()
    const performed = perform()
    const ms = clock() - began + LATER_PARTS_MS
    this.#taken += ms
    this.#waiting.charge(uid, ms)
    return performed
  }
}

/** Changes the number of an account. An account whose number is 0 has no entry. */
function changeBy(numbers: Map<number, number>, uid: number, by: number): void {
  const number = (numbers.get(uid) ?? 0) + by
  if (number === 0) numbers.delete(uid)
  else numbers.set(uid, number)
}
