import { expect, test } from 'bun:test'
import { fitted } from '../../../src/views/words/fitted.ts'
import { table } from '../../../src/views/words/table.ts'

const HEAD = ['GPU', 'USER', 'TYPE', 'NOTE']

test('columns are aligned, and those without content are left out', () => {
  expect(
    table(HEAD, [
      ['0', 'alice', '-', ''],
      ['10', 'bo', '-', ''],
    ]),
  ).toBe('GPU  USER\n0    alice\n10   bo\n')
})

test('without rows all column heads are printed', () => {
  expect(table(HEAD, [])).toBe('GPU  USER  TYPE  NOTE\n')
})

test('notes are cut first if the terminal is too narrow, and then the widest columns', () => {
  const rows = [['0', 'alice', 'expires in 7h 59m 51s', 'a long note about an ablation']]
  expect(table(HEAD, rows, 40)).toBe(
    'GPU  USER   TYPE                NOTE\n0    alice  expires in 7h 59m…  a long …\n',
  )
  for (let columns = 1; columns <= 70; columns++) {
    for (const line of table(HEAD, rows, columns).split('\n')) {
      expect(Bun.stringWidth(line)).toBeLessThanOrEqual(columns)
    }
  }
})

test('a queue with notes shows the time of the expected start in 80 columns', () => {
  const head = ['POSITION', 'USER', 'REQUEST', 'TYPE', 'WAITING', 'REASON', 'ESTIMATE', 'NOTE']
  const estimate = "earliest 14:05 (when alice's reservation expires)"
  const row = ['1', 'alice', '2 GPUs', 'manual', '0h 0m 10s', '0 free', estimate, 'a note of many words']
  expect(table(head, [row], 80)).toContain('earliest 14:05')
})

test('a wide character takes two columns and is not halved', () => {
  expect(fitted('日本語', 6)).toBe('日本語')
  expect(fitted('日本語', 5)).toBe('日本…')
  expect(fitted('日本語', 4)).toBe('日…')
  expect(fitted('日本語', 1)).toBe('…')
  // A wide character with a mark.
  expect(fitted('uid山田ᤪ%', 8)).toBe('uid山…')
  expect(fitted('👩‍👩‍👧‍👦 family', 4)).toBe('👩‍👩‍👧‍👦 …')
})

test('a cut ends the colour', () => {
  const cut = fitted('\u001b[34mIN USE\u001b[0m', 4)
  expect(Bun.stripANSI(cut)).toBe('IN …')
  expect(cut).toEndWith('\u001b[39m')
})

test('any number of rows', () => {
  const rows = Array.from({ length: 1_500_000 }, () => ['x'])
  expect(table(['A'], rows)).toHaveLength(2 * (rows.length + 1))
})
