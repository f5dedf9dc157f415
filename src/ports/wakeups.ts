/** Announces commits to other processes. A commit stays unannounced if its process is killed right after it. */
export interface Wakeups {
  /**
   * Yields after each possible change of the pool since this call, until the signal aborts. May yield too often and may
   * combine changes. Misses no announced change.
   */
  changes(signal: AbortSignal): AsyncIterable<void>

  /** The calls to the waiter of a queue entry, from now on. */
  calls(entry: string): Calls

  /** The `wake` of the last commit that changed the pool. Cheap enough for a hundred waiters at every change. */
  turns(): Promise<readonly string[]>
}

/** The calls to one waiter. */
export interface Calls {
  /** Makes `next` also return the next change, once. Without this call it returns only turns. */
  listen(): void
  /** In the order of the commits. One `turn` may combine several, and may be meant for another waiter. */
  next(): Promise<'turn' | 'change' | 'closed'>
  close(): void
}
