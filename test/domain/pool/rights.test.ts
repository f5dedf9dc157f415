import { expect, test } from 'bun:test'
import fc from 'fast-check'
import type { Account } from '../../../src/domain/pool/model.ts'
import { checkMayAdminister, isAdministrator, owns } from '../../../src/domain/pool/rights.ts'

const uid = fc.constantFrom(0, 1000, 1001)
const otherNamespace = fc.constantFrom('4026532001', '4026532002', 'unknown')
const account: fc.Arbitrary<Account> = fc.oneof(
  fc.record({ uid, name: fc.constantFrom('root', 'alice') }),
  fc.record({ uid, name: fc.constantFrom('root', 'alice'), userNamespace: otherNamespace }),
)

test('outside the first user namespace no account is root or owns reservations from other namespaces', () => {
  fc.assert(
    fc.property(account, account, (actor, holder) => {
      if (actor.userNamespace === undefined) {
        expect(isAdministrator(actor)).toBe(actor.uid === 0)
        expect(owns(actor, holder)).toBe(actor.uid === holder.uid)
        return
      }
      expect(isAdministrator(actor)).toBe(false)
      expect(() => checkMayAdminister(actor, { uid: actor.uid, path: '/pool.db' })).toThrow()
      const isSame = holder.userNamespace === actor.userNamespace && holder.uid === actor.uid
      expect(owns(actor, holder)).toBe(isSame && actor.userNamespace !== 'unknown')
    }),
  )
})

test('root and the owner of the file administer a pool; without a file every account may set one up', () => {
  const alice = { uid: 1000, name: 'alice' }
  const root = { uid: 0, name: 'root' }
  const ofRoot = { uid: 0, path: '/pool.db' }
  expect(() => checkMayAdminister(alice, null)).not.toThrow()
  expect(() => checkMayAdminister(alice, { uid: 1000, path: '/pool.db' })).not.toThrow()
  expect(() => checkMayAdminister(root, { uid: 1000, path: '/pool.db' })).not.toThrow()
  expect(() => checkMayAdminister(root, ofRoot)).not.toThrow()
  expect(() => checkMayAdminister(alice, ofRoot)).toThrow(
    expect.objectContaining({ code: 'permission-denied' }),
  )
})
