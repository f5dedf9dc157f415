/** Tells other processes of commits. A process that is killed right after its commit may not announce it. */
export interface Wakeups {
  /**
   * Yields whenever the pool may have changed since this call, until the signal. May yield too often and combines
   * several changes; misses no change that is announced.
   */
  changes(signal: AbortSignal): AsyncIterable<void>

  /** Calls the waiter of a queue entry from this call on. */
  calls(entry: string): Calls

  /** The `wake` of the last commit that changed the pool. Cheap enough for a hundred waiters to ask at every change. */
  turns(): Promise<readonly string[]>
}

/** The calls to one waiter. */
export interface Calls {
  /** Asks for the next change as well, once. A turn is always told. */
  listen(): void
  /** In the order of the commits; one `turn` may stand for several, and may be meant for another waiter. */
  next(): Promise<'turn' | 'change' | 'closed'>
  close(): void
}
