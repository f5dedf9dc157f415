/** The maximum number of requests that run at the same time, in total and for one account. */
const MOST_AT_ONCE = 8
const MOST_PER_ACCOUNT = 2

type Task = () => Promise<void>

/** Performs requests account by account, so that many requests of one account do not delay those of another. */
export class FairTurns {
  readonly #waiting = new Map<number, Task[]>()
  readonly #running = new Map<number, number>()
  #count = 0

  /** The task must not reject. */
  add(uid: number, task: Task): void {
    const tasks = this.#waiting.get(uid)
    if (tasks === undefined) this.#waiting.set(uid, [task])
    else tasks.push(task)
    this.#start()
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
    for (const [uid, tasks] of this.#waiting) {
      if ((this.#running.get(uid) ?? 0) >= MOST_PER_ACCOUNT) continue
      const task = tasks.shift()
      this.#waiting.delete(uid)
      if (tasks.length > 0) this.#waiting.set(uid, tasks)
      if (task !== undefined) return { uid, task }
    }
    return undefined
  }

  async #perform(uid: number, task: Task): Promise<void> {
    this.#count++
    this.#running.set(uid, (this.#running.get(uid) ?? 0) + 1)
    await task()
    this.#count--
    const left = (this.#running.get(uid) ?? 1) - 1
    if (left === 0) this.#running.delete(uid)
    else this.#running.set(uid, left)
    this.#start()
  }
}
