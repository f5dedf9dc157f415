import { expect, test } from 'bun:test'
import { ownerIn, rangesIn, SubordinateUids } from '../../../src/adapters/accounts/subordinate-uids.ts'

const PASSWD = `root:x:0:0::/root:/bin/sh
lxd:x:998:998::/:/bin/false
ann:x:1000:1000::/home/ann:/bin/sh
ben:x:1001:1001::/home/ben:/bin/sh
`

const owner = (subuid: string, uid: number) => ownerIn(rangesIn(subuid, PASSWD), uid)

test('a uid belongs to the account whose range has it, by name or by number', () => {
  const subuid = 'ann:100000:65536\nben:165536:65536\n# a comment\n71234:300000:10\nann:400000:1\n'
  expect(
    [99_999, 100_000, 165_535, 165_536, 300_009, 300_010, 400_000].map((uid) => owner(subuid, uid)),
  ).toEqual([...[undefined, 1000, 1000, 1001, 71_234, undefined, 1000]])
})

test('a range of root or of a service is used by containers of many people, so it has no owner', () => {
  expect(owner('root:100000:65536\n', 100_000)).toBeUndefined()
  expect(owner('lxd:100000:65536\n', 100_000)).toBeUndefined()
  expect(owner('0:100000:65536\n', 100_000)).toBeUndefined()
})

test('a uid in ranges of two accounts has no owner', () => {
  const subuid = 'ann:100000:65536\nben:100000:10\nann:100000:5\n'
  expect([100_000, 100_009, 100_010].map((uid) => owner(subuid, uid))).toEqual([undefined, undefined, 1000])
})

test('lines that are not entries are ignored', () => {
  const subuid =
    'ann\nann:1:\nann:x:10\nnobody-here:100000:10\nann:100000:10:more\n ann:100000:10\nann:-5:10\n'
  expect(rangesIn(subuid, PASSWD)).toEqual([])
})

test('the uid of an account of the machine is no subordinate uid', () => {
  expect([0, 1, 65_534].map((uid) => new SubordinateUids().ownerOf(uid))).toEqual(Array(3).fill(undefined))
})
