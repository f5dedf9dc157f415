import { expect, test } from 'bun:test'
import { SeenNotices } from '../../../src/app/fleet/seen-notices.ts'
import { KEPT_FOR_MS, type Posted } from '../../../src/ports/board.ts'
import { hostName, revision } from '../../ports/board-contract.ts'

const posted = (host: string, age: number, text = host): Posted => ({ host: hostName(host), age, text })
const shown = (all: readonly Posted[]) => all.map(({ host, age, text }) => `${host} ${text} ${age}`)

test('what the board has lost is still shown, with its age, until it would have been forgotten', () => {
  const seen = new SeenNotices(1_000)
  seen.with([posted('gpu1', 10), posted('gpu2', 20)], 0)
  expect(shown(seen.with([posted('gpu2', 5)], 100))).toEqual(['gpu1 gpu1 110', 'gpu2 gpu2 5'])
  const lost: Posted = { host: hostName('gpu1'), age: 900, text: undefined, isLost: true }
  expect(shown(seen.with([lost], 1_000))).toEqual(['gpu1 gpu1 1010', 'gpu2 gpu2 905'])
  expect(seen.with([], KEPT_FOR_MS + 1_000)).toEqual([])
})

test('an earlier notice, as after a failover, does not replace a later one', () => {
  const seen = new SeenNotices(1_000)
  const of = (age: number, text: string, ...at: [number, number, string?]) => [
    { ...posted('gpu1', age, text), revision: revision(...at) },
  ]
  seen.with(of(10, 'later', 2, 5), 0)
  expect(shown(seen.with(of(60_000, 'earlier', 2, 4), 20_000))).toEqual(['gpu1 later 20010'])
  // The clock of the board was set forward.
  expect(shown(seen.with(of(3_600_000, 'latest', 3, 6), 30_000))).toEqual(['gpu1 latest 3600000'])
  expect(shown(seen.with(of(70_000, 'latest', 3, 6), 40_000))).toEqual(['gpu1 latest 70000'])
  expect(shown(seen.with(of(5, 'of the next boot', 1, 1, 'boot 2'), 50_000))).toEqual([
    'gpu1 of the next boot 5',
  ])
})

test('it keeps no more than one reading may have', () => {
  const seen = new SeenNotices(10)
  seen.with([posted('a1', 3, 'x'.repeat(6)), posted('a2', 2, 'x'.repeat(6))], 0)
  expect(shown(seen.with([], 0))).toEqual(['a2 xxxxxx 2'])
  seen.with(
    Array.from({ length: 6_000 }, (_, at) => posted(`b${at}`, 0, '')),
    0,
  )
  expect(seen.with([], 0).length).toBe(5_000)
})
