const MEBIBYTE = 1024 * 1024

/** The most memory for what one client has not read, and for all clients of one account together. */
const MOST_PER_CLIENT = 32 * MEBIBYTE
const MOST_PER_ACCOUNT = 64 * MEBIBYTE

/** The memory for messages that clients have not read, by account. */
export class UnreadLimit {
  readonly #sizes = new Map<number, number>()

  add(uid: number, by: number): void {
    const size = (this.#sizes.get(uid) ?? 0) + by
    if (size === 0) this.#sizes.delete(uid)
    else this.#sizes.set(uid, size)
  }

  /** Whether a client of this account, with this size, must be disconnected. */
  isExceeded(uid: number, ofClient: number): boolean {
    return ofClient > MOST_PER_CLIENT || (ofClient > 0 && (this.#sizes.get(uid) ?? 0) > MOST_PER_ACCOUNT)
  }
}
