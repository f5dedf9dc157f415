import { AccountShares } from '../../domain/account-shares.ts'

const MEBIBYTE = 1024 * 1024

/** What a daemon holds for its clients, in bytes. A client that adds to what is too much is disconnected. */
export interface HeldBytes {
  /** Messages that the clients have not read. The longest is a history of 20,000 records with long names. */
  readonly unread: AccountShares
  /** Messages that the clients have not completed. */
  readonly partial: AccountShares
}

export const newHeldBytes = (): HeldBytes => ({
  unread: new AccountShares({ ofAccount: 32 * MEBIBYTE, ofAll: 64 * MEBIBYTE }),
  partial: new AccountShares({ ofAccount: 4 * MEBIBYTE, ofAll: 16 * MEBIBYTE }),
})
