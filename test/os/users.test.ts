import { expect, test } from 'bun:test'
import { currentAccount, groupId, userName } from '../../src/adapters/os/users.ts'
import { INSIDE, inside, isRoot } from './surroundings.ts'

const UNUSED_UID = 3_999_999_999

test('the account is that of the kernel, whatever the environment says', () => {
  const id = (flag: string) => Bun.spawnSync(['id', flag]).stdout.toString().trim()
  expect(currentAccount()).toEqual({ uid: Number(id('-u')), name: id('-un') })
  const impostor = { USER: 'alice', LOGNAME: 'alice', HOME: '/home/alice' }
  expect(inside(INSIDE, { env: impostor }).account).toEqual(currentAccount())
})

test.skipIf(!isRoot)('it is the effective one', () => {
  expect(inside(`setpriv --reuid 65534 --clear-groups ${INSIDE}`).account).toEqual({
    uid: 65534,
    name: 'nobody',
  })
  expect(inside(`setpriv --ruid 65534 --clear-groups ${INSIDE}`).account).toEqual({ uid: 0, name: 'root' })
})

test('a uid without a name', () => {
  expect(userName(UNUSED_UID)).toBe(`uid ${UNUSED_UID}`)
  expect(userName(0)).toBe('root')
})

test('groups by name', () => {
  expect(groupId('root')).toBe(0)
  expect(() => groupId('no such group')).toThrow(expect.objectContaining({ code: 'usage' }))
})
