import { expect, test } from 'bun:test'
import { currentAccount } from '../../../src/adapters/accounts/account.ts'
import { groupId, userNames } from '../../../src/adapters/accounts/users.ts'
import { needing } from '../../support/needs.ts'
import { REPORT_STATE, reportedState } from '../process/reported-state.ts'

const UNUSED_UID = 3_999_999_999

test('the account comes from the kernel, not from the environment', async () => {
  const id = (flag: string) => Bun.spawnSync(['id', flag]).stdout.toString().trim()
  const account = await currentAccount()
  expect(account).toEqual({ uid: Number(id('-u')), name: id('-un') })
  const otherName = { USER: 'alice', LOGNAME: 'alice', HOME: '/home/alice' }
  expect(reportedState(REPORT_STATE, { env: otherName }).account).toEqual(account)
})

needing('root').test('the account is the effective one', () => {
  expect(reportedState(`setpriv --reuid 65534 --clear-groups ${REPORT_STATE}`).account).toEqual({
    uid: 65534,
    name: 'nobody',
  })
  expect(reportedState(`setpriv --ruid 65534 --clear-groups ${REPORT_STATE}`).account).toEqual({
    uid: 0,
    name: 'root',
  })
})

test('a uid without a name', async () => {
  expect([...(await userNames([UNUSED_UID, 0]))]).toEqual([
    [UNUSED_UID, `uid ${UNUSED_UID}`],
    [0, 'root'],
  ])
})

test('groups by name', async () => {
  expect(await groupId('root')).toBe(0)
  for (const name of ['no such group', '', '0', '-0', '--help', 'root:', 'x\nroot', 'root\0']) {
    expect(groupId(name)).rejects.toThrow(expect.objectContaining({ code: 'usage' }))
  }
})
