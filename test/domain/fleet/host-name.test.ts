import { expect, test } from 'bun:test'
import { readBoardAddress } from '../../../src/domain/fleet/board-address.ts'
import { ownHostName, readHostName, readRemoteHosts } from '../../../src/domain/fleet/host-name.ts'

test.each(['gpu1', 'GPU-1.example.org', '10.0.0.1', 'a_b', '7'])('%s is a host name', (name) => {
  expect<string | undefined>(readHostName(name)).toBe(name)
})

test.each([
  '',
  '-oProxyCommand=x',
  '.',
  '_a',
  'a b',
  'a/b',
  'a:1',
  '[::1]',
  'ä',
  'a\n',
  'x'.repeat(254),
  'any',
  7,
  null,
])('%j is no host name', (name) => {
  expect(readHostName(name)).toBeUndefined()
  expect(readRemoteHosts([name])).toBeUndefined()
  if (typeof name === 'string') expect(readRemoteHosts([`ann@${name}`])).toBeUndefined()
})

test('a list of hosts is a list or a text', () => {
  const hosts: unknown = readRemoteHosts(['gpu1', 'ann@gpu2'])
  expect(hosts).toEqual([{ name: 'gpu1' }, { name: 'gpu2', account: 'ann' }])
  expect<unknown>(readRemoteHosts('gpu1, ann@gpu2,')).toEqual(hosts)
  expect(readRemoteHosts([])).toEqual([])
})

test.each([
  ['gpu1', 'ann@gpu1'],
  ['-l@gpu1'],
  ['@gpu1'],
  ['ann@ben@gpu1'],
  [['gpu1']],
  Array(1_001).fill('a'),
])('wrong lists are refused: %j', (...words) => {
  expect(readRemoteHosts(words)).toBeUndefined()
})

test.each([
  ['gpu1.example.org', 'gpu1'],
  ['-a b', 'a-b'],
  ['..', 'localhost'],
  ['', 'localhost'],
])('the host name %j is shortened to %s', (hostname, name) => {
  expect<string>(ownHostName(null, hostname)).toBe(name)
  expect<string>(ownHostName(readHostName('configured') ?? null, hostname)).toBe('configured')
})

test.each([
  ['redis://board', { kind: 'url', url: 'redis://board' }],
  ['rediss://ann:a%40b@board.example.org:6380/3', expect.objectContaining({ kind: 'url' })],
  ['redis://:secret@[::1]:6379', expect.objectContaining({ kind: 'url' })],
  ['file:/etc/canhazgpu/fleet', { kind: 'file', path: '/etc/canhazgpu/fleet' }],
  ['file:///etc/fleet', { kind: 'file', path: '/etc/fleet' }],
] as const)('%s is the address of a board', (text, address) => {
  expect<unknown>(readBoardAddress(text)).toEqual(address)
})

test.each([
  '',
  'board',
  'http://board',
  'redis://',
  'redis:///0',
  'redis://board/x',
  'redis://a b',
  'file:fleet',
  'file:/',
  5,
  null,
])('%j is no address of a board', (text) => {
  expect(readBoardAddress(text)).toBeUndefined()
})
