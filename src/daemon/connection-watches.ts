/** Each watch of a connection is a message after each change. A client needs one. */
const MOST_WATCHES = 2

export interface ConnectionWatchesParts {
  /** Calls back after each change, until the returned function is called. */
  readonly onChange: (changed: () => void) => () => void
  /** Tells the client of a change, with the number of its request. */
  readonly notify: (n: number) => void
}

/** The requests of one connection that watch the pool. */
export class ConnectionWatches {
  readonly #parts: ConnectionWatchesParts
  /** Numbers of the requests. */
  readonly #watches = new Set<number>()
  #end: (() => void) | undefined

  constructor(parts: ConnectionWatchesParts) {
    this.#parts = parts
  }

  /** False if there are too many. */
  add(n: number): boolean {
    if (this.#watches.size === MOST_WATCHES) return false
    this.#watches.add(n)
    this.#end ??= this.#parts.onChange(() => {
      for (const each of this.#watches) this.#parts.notify(each)
    })
    return true
  }

  /** False if there is no such watch. */
  remove(n: number): boolean {
    const isRemoved = this.#watches.delete(n)
    if (this.#watches.size === 0) this.clear()
    return isRemoved
  }

  clear(): void {
    this.#watches.clear()
    this.#end?.()
    this.#end = undefined
  }
}
