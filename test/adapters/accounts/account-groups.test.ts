import { expect, test } from 'bun:test'
import { groupsOfAccounts } from '../../../src/adapters/accounts/account-groups.ts'
import { needing } from '../../support/needs.ts'
import { newGroup, newUser } from '../../support/unix-users.ts'

const UNUSED_UID = 3_999_999_999

const sorted = (groups: Iterable<number> = []): readonly number[] => [...groups].toSorted((a, b) => a - b)

const byId = (account: string): readonly number[] =>
  sorted(Bun.spawnSync(['id', '-G', account]).stdout.toString().trim().split(' ').map(Number))

test('the groups of root are those that id prints; an unknown account is missing', async () => {
  const groups = await groupsOfAccounts([0, UNUSED_UID])
  expect(sorted(groups.get(0))).toEqual(byId('root'))
  expect(groups.has(UNUSED_UID)).toBe(false)
})

needing('users').test('the primary group and the other groups of an account', async () => {
  const group = newGroup()
  const user = await newUser('member', [group.name])
  try {
    const groups = (await groupsOfAccounts([user.uid])).get(user.uid)
    expect(sorted(groups)).toEqual(byId(user.name))
    expect(groups?.length).toBe(2)
  } finally {
    await user.remove()
    group.remove()
  }
})
