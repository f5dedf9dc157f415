import { expect, test } from 'bun:test'
import { administrators } from '../../../src/adapters/accounts/administrators.ts'

test('the members of the groups for sudo', () => {
  const group = 'root:x:0:\nsudo:x:27:ann,ben\nwheel:x:10:root,ben,cy\nsudoers:x:99:dan\nadmin:x:4:\n'
  expect(administrators(group)).toEqual(['ann', 'ben', 'cy'])
  expect(administrators('')).toEqual([])
})
