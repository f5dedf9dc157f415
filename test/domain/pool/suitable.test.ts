import { expect, test } from 'bun:test'
import { isOfType, isSuitable, typeIn } from '../../../src/domain/pool/suitable.ts'
import { unit } from './builders.ts'

const NAMES = {
  h100: 'NVIDIA H100 80GB HBM3',
  a100: 'NVIDIA A100-SXM4-40GB',
  a10: 'NVIDIA A10',
  l4: 'NVIDIA L4',
  l40s: 'NVIDIA L40S',
  rtx: 'NVIDIA GeForce RTX 4090',
  mi: 'AMD Instinct MI300X',
}

test.each([
  ['h100', ['h100']],
  ['H100', ['h100']],
  ['a100', ['a100']],
  ['a10', ['a10']],
  ['l4', ['l4']],
  ['l40', []],
  ['100', []],
  ['rtx4090', ['rtx']],
  ['RTX 4090', ['rtx']],
  ['rtx-4090', ['rtx']],
  ['4090', ['rtx']],
  ['a100-sxm4', ['a100']],
  ['sxm4-a100', []],
  ['mi300x', ['mi']],
  ['mi300', []],
  ['40gb', ['a100']],
  ['nvidia', ['h100', 'a100', 'a10', 'l4', 'l40s', 'rtx']],
  ['', []],
])('the type %j', (type, expected) => {
  const found = Object.entries(NAMES).flatMap(([key, name]) => (isOfType(name, type) ? [key] : []))
  expect(found).toEqual([...expected])
})

test('the type that completion offers selects the GPUs of its name', () => {
  for (const name of [...Object.values(NAMES), 'Fake GPU', 'Tesla T4', 'Quadro RTX 6000']) {
    expect(isOfType(name, typeIn(name))).toBe(true)
  }
  expect(Object.values(NAMES).map(typeIn)).toEqual([
    ...['h100', 'a100', 'a10', 'l4', 'l40s', 'nvidia-geforce-rtx-4090', 'mi300x'],
  ])
})

test('memory and type must both be met; unknown memory meets no requirement', () => {
  const known = unit(0, { device: { uuid: 'a', name: NAMES.h100 }, memoryMb: 81_559 })
  const { memoryMb: _, ...unknown } = known
  expect(isSuitable(known, { gpuTypes: ['a100', 'h100'], leastMemoryMb: 81_559 })).toBe(true)
  expect(isSuitable(known, { gpuTypes: ['h100'], leastMemoryMb: 81_560 })).toBe(false)
  expect(isSuitable(known, { gpuTypes: ['a100'], leastMemoryMb: 1 })).toBe(false)
  expect(isSuitable(unknown, { gpuTypes: ['h100'] })).toBe(true)
  expect(isSuitable(unknown, { leastMemoryMb: 1 })).toBe(false)
  expect(isSuitable(unknown, {})).toBe(true)
})
