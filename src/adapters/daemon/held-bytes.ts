const MEBIBYTE = 1024 * 1024

/** The most bytes that are held for one client, and for all clients of one account together. */
export interface BytesLimit {
  readonly ofClient: number
  readonly ofAccount: number
}

/** Bytes that are held for clients, by account. */
export class AccountBytes {
  readonly #limit: BytesLimit
  readonly #sizes = new Map<number, number>()

  constructor(limit: BytesLimit) {
    this.#limit = limit
  }

  add(uid: number, by: number): void {
    const size = (this.#sizes.get(uid) ?? 0) + by
    if (size === 0) this.#sizes.delete(uid)
    else this.#sizes.set(uid, size)
  }

  /** Whether a client of this account, with this size, must be disconnected. */
  isExceeded(uid: number, ofClient: number): boolean {
    const { ofClient: most, ofAccount } = this.#limit
    return ofClient > most || (ofClient > 0 && (this.#sizes.get(uid) ?? 0) > ofAccount)
  }
}

/** What a daemon holds for its clients. */
export interface HeldBytes {
  /** Messages that the clients have not read. The longest is a history of 20,000 records with long names. */
  readonly unread: AccountBytes
  /** Messages that the clients have not completed. */
  readonly partial: AccountBytes
}

export const newHeldBytes = (): HeldBytes => ({
  unread: new AccountBytes({ ofClient: 32 * MEBIBYTE, ofAccount: 32 * MEBIBYTE }),
  partial: new AccountBytes({ ofClient: MEBIBYTE, ofAccount: 4 * MEBIBYTE }),
})
