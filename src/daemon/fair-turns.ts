/** The maximum number of requests that run at the same time, in total and for one account. */
const MOST_AT_ONCE = 64
const MOST_PER_ACCOUNT = 2
/** The most bytes of waiting requests of one account. */
const MOST_WAITING = 16 * 1024 * 1024

export interface Task {
  /** The size of its request in bytes. */
  readonly size: number
  /** Must not reject. */
  readonly perform: () => Promise<void>
}

interface Waiting {
  readonly tasks: Task[]
  size: number
}

/** Performs requests account by account, so that many requests of one account do not delay those of another. */
export class FairTurns {
  readonly #waiting = new Map<number, Waiting>()
  readonly #running = new Map<number, number>()
  #count = 0

  /** False if too many requests of this account wait already. */
  add(uid: number, task: Task): boolean {
    const waiting = this.#waiting.get(uid) ?? { tasks: [], size: 0 }
    if (waiting.size + task.size > MOST_WAITING) return false
    waiting.tasks.push(task)
    waiting.size += task.size
    this.#waiting.set(uid, waiting)
    this.#start()
    return true
  }

  #start(): void {
    while (this.#count < MOST_AT_ONCE) {
      const next = this.#next()
      if (next === undefined) return
      void this.#perform(next.uid, next.task)
    }
  }

  /** The account of the returned task moves to the end of the map. */
  #next(): { readonly uid: number; readonly task: Task } | undefined {
    for (const [uid, waiting] of this.#waiting) {
      if ((this.#running.get(uid) ?? 0) >= MOST_PER_ACCOUNT) continue
      const task = waiting.tasks.shift()
      this.#waiting.delete(uid)
      if (task === undefined) continue
      waiting.size -= task.size
      if (waiting.tasks.length > 0) this.#waiting.set(uid, waiting)
      return { uid, task }
    }
    return undefined
  }

  async #perform(uid: number, task: Task): Promise<void> {
    this.#count++
    this.#running.set(uid, (this.#running.get(uid) ?? 0) + 1)
    await task.perform()
    // Tasks that never wait for anything would otherwise follow each other without a look at the sockets.
    await this.#nextIteration()
    this.#count--
    const left = (this.#running.get(uid) ?? 1) - 1
    if (left === 0) this.#running.delete(uid)
    else this.#running.set(uid, left)
    this.#start()
  }

  /** The next iteration of the event loop, if an account waits for its turn. */
  #nextIteration(): Promise<void> | undefined {
    if (this.#waiting.size > 0) return new Promise((resolve) => setImmediate(resolve))
    return undefined
  }
}
