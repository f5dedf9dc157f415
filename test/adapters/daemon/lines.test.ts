import { expect, test } from 'bun:test'
import { Lines } from '../../../src/adapters/daemon/lines.ts'

const bytes = (text: string) => Buffer.from(text)

function pushed(lines: Lines, ...parts: string[]) {
  const taken: string[] = []
  const valid = parts.map((part) => lines.push(bytes(part), (line) => taken.push(line) > 0))
  return { taken, valid }
}

test('lines are complete, wherever their bytes are divided', () => {
  const text = 'one\n\ntwo and three\nü\n'
  for (let size = 1; size <= bytes(text).length; size++) {
    const lines = new Lines(64)
    const taken: string[] = []
    for (let at = 0; at < bytes(text).length; at += size)
      lines.push(bytes(text).subarray(at, at + size), (line) => taken.push(line) > 0)
    expect(taken).toEqual(['one', '', 'two and three', 'ü'])
    expect(lines.partial).toBe(0)
  }
})

test('a line has at most the maximum bytes', () => {
  expect(pushed(new Lines(4), '1234\n').valid).toEqual([true])
  expect(pushed(new Lines(4), '12345').valid).toEqual([false])
  expect(pushed(new Lines(4), '12', '345\n').valid).toEqual([true, false])
})

test('the lines after the last wanted one are not read', () => {
  let taken = 0
  new Lines(4).push(bytes('\n'.repeat(1_000)), () => ++taken < 3)
  expect(taken).toBe(3)
})

test('the bytes of the caller may be used again', () => {
  const lines = new Lines(64)
  const reused = bytes('half')
  lines.push(reused, () => true)
  reused.fill(0)
  expect(pushed(lines, '\n').taken).toEqual(['half'])
})
