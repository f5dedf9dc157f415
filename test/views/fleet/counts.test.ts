import { expect, test } from 'bun:test'
import { countsOf } from '../../../src/views/fleet/counts.ts'

test('a model may have any name', () => {
  const names = ['constructor', '__proto__', 'H200', 'H200']
  const { gpu_models } = countsOf(names.map((gpu_model) => ({ gpu_id: 0, status: 'AVAILABLE', gpu_model })))
  expect(Object.entries(gpu_models)).toEqual([
    ['constructor', 1],
    ['__proto__', 1],
    ['H200', 2],
  ])
})
