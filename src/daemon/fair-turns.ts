import { FairQueue } from '../domain/fair-queue.ts'

/** The most bytes of waiting requests of one account. */
const MOST_WAITING = 4 * 1024 * 1024

export interface TurnLimits {
  /** The maximum number of tasks that run at the same time. */
  readonly mostAtOnce: number
  /** The same for one account. */
  readonly mostPerAccount: number
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

/** Performs requests account by account, so that many requests of one account do not delay those of another. */
export class FairTurns {
  readonly #limits: TurnLimits
  readonly #waiting = new FairQueue<Waiting>()
  /** Bytes of the waiting requests of each account. */
  readonly #sizes = new Map<number, number>()
  readonly #running = new Map<number, number>()
  #count = 0

  constructor(limits: TurnLimits) {
    this.#limits = limits
  }

  /** False if too many requests of this account wait already. */
  add(uid: number, task: Task): boolean {
    const size = this.#sizes.get(uid) ?? 0
    if (size + task.size > MOST_WAITING) return false
    changeBy(this.#sizes, uid, task.size)
    this.#waiting.add(uid, { ...task, uid })
    this.#start()
    return true
  }

  #start(): void {
    const { mostAtOnce, mostPerAccount } = this.#limits
    while (this.#count < mostAtOnce) {
      const next = this.#waiting.next((uid) => (this.#running.get(uid) ?? 0) < mostPerAccount)
      if (next === undefined) return
      changeBy(this.#sizes, next.uid, -next.size)
      void this.#perform(next)
    }
  }

  async #perform({ uid, perform }: Waiting): Promise<void> {
    this.#count++
    changeBy(this.#running, uid, 1)
    await perform()
    // Tasks that never wait for anything would otherwise follow each other without a look at the sockets.
    await this.#nextIteration()
    this.#count--
    changeBy(this.#running, uid, -1)
    this.#start()
  }

  /** The next iteration of the event loop, if an account waits for its turn. */
  #nextIteration(): Promise<void> | undefined {
    if (!this.#waiting.isEmpty) return new Promise((resolve) => setImmediate(resolve))
    return undefined
  }
}

/** Changes the number of an account. An account whose number is 0 has no entry. */
function changeBy(numbers: Map<number, number>, uid: number, by: number): void {
  const number = (numbers.get(uid) ?? 0) + by
  if (number === 0) numbers.delete(uid)
  else numbers.set(uid, number)
}
