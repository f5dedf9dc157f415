import { expect, test } from 'bun:test'
import { AccountShares } from '../../src/domain/account-shares.ts'

const MOST = { ofAccount: 32, ofAll: 64 }

/** How much the account gets if it takes as much as it may. */
function taken(shares: AccountShares, uid: number): number {
  let count = 0
  for (; !shares.isExceeded(uid, 1); count++) shares.add(uid, 1)
  return count
}

test('many accounts together have at most what there is, and each next one gets some of it', () => {
  const shares = new AccountShares(MOST)
  const each = Array.from({ length: 5 }, (_, uid) => taken(shares, uid))
  expect(each).toEqual([32, 16, 8, 4, 2])
})

test('what an account gives back is there for the others', () => {
  const shares = new AccountShares(MOST)
  expect([taken(shares, 1), taken(shares, 2)]).toEqual([32, 16])
  shares.add(1, -32)
  expect(taken(shares, 3)).toBe(24)
})
