import { expect, test } from 'bun:test'
import { isDeep } from '../../src/daemon/nesting.ts'

test.each([
  ['a request', '{"n":1,"operation":{"intent":{"request":{"ids":["0"]}}}}', false],
  ['brackets in a string', JSON.stringify({ command: '['.repeat(100) }), false],
  ['brackets after an escaped quote', JSON.stringify({ command: `"${'{'.repeat(100)}` }), false],
  ['many lists beside each other', JSON.stringify(Array.from({ length: 100 }, () => [])), false],
  ['many lists in each other', '['.repeat(100), true],
  ['many objects in each other', '{"a":'.repeat(100), true],
])('%s', (_, text, expected) => {
  expect(isDeep(text)).toBe(expected)
})
