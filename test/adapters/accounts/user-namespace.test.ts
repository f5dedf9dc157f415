import { expect, test } from 'bun:test'
import { mappedUid } from '../../../src/adapters/accounts/user-namespace.ts'
import { needing } from '../../support/needs.ts'
import { REPORT_STATE, reportedState } from '../process/reported-state.ts'

const MAP =
  '         0       1000          1\n         1     100000      65535\n     70000          5          2\n'

test.each([
  [0, 1000],
  [1, 100_000],
  [65_535, 165_534],
  [65_536, undefined],
  [70_001, 6],
  [70_002, undefined],
])('uid %p of a map of several lines', (uid, outside) => {
  expect(mappedUid(uid, MAP)).toBe(outside)
})

test.each(['', 'x', '0 0', '0 -1 1', '0 0 0'])('the map %p has no mapping', (map) => {
  expect(mappedUid(0, map)).toBeUndefined()
})

needing('unshare', 'root').test('a process in another user namespace detects it', () => {
  const { account } = reportedState(
    `setpriv --reuid 65534 --regid 65534 --clear-groups unshare -Ur ${REPORT_STATE}`,
  )
  expect(account).toMatchObject({ uid: 65_534, name: 'nobody' })
  expect(account.userNamespace).toMatch(/^\d+$/)
  expect(reportedState(`unshare -Ur ${REPORT_STATE}`).account).toMatchObject({ uid: 0, name: 'uid 0' })
})

needing('mounts').test('a process that cannot read its user namespace has no rights', () => {
  const hidden = `unshare -m sh -c 'mount -t tmpfs none /proc/$$/ns && exec "$@"' sh ${REPORT_STATE}`
  expect(reportedState(hidden).account).toMatchObject({ userNamespace: 'unknown' })
})
