/** At these places of the shared memory: how many connections were reported, and how many of them were taken. */
const [REPORTED, TAKEN] = [0, 1]
const FIRST = 2

/** The accounts of closed connections, from the thread that closes them to the thread that accepts. No thread waits. */
export class ClosedConnections {
  readonly shared: SharedArrayBuffer
  /** The two counts, then the uids, as a ring. */
  readonly #cells: Uint32Array
  readonly #size: number

  /** `most`: connections that are reported and not taken yet, so at most the open connections. */
  static forAtMost(most: number): ClosedConnections {
    return new ClosedConnections(new SharedArrayBuffer(4 * (FIRST + most)))
  }

  /** Both threads make one from the same memory. */
  constructor(shared: SharedArrayBuffer) {
    this.shared = shared
    this.#cells = new Uint32Array(shared)
    this.#size = this.#cells.length - FIRST
  }

  report(uid: number): void {
    const reported = Atomics.load(this.#cells, REPORTED)
    Atomics.store(this.#cells, FIRST + (reported % this.#size), uid)
    Atomics.store(this.#cells, REPORTED, (reported + 1) % (2 * this.#size))
  }

  /** Calls `take` with the account of each connection that was reported since the last call. */
  take(take: (uid: number) => void): void {
    let taken = Atomics.load(this.#cells, TAKEN)
    while (taken !== Atomics.load(this.#cells, REPORTED)) {
      take(Atomics.load(this.#cells, FIRST + (taken % this.#size)))
      taken = (taken + 1) % (2 * this.#size)
    }
    Atomics.store(this.#cells, TAKEN, taken)
  }
}
