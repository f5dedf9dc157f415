import { expect, test } from 'bun:test'
import { MemoryBoard } from '../../../src/adapters/memory/memory-board.ts'
import { KEPT_FOR_MS, ORDERED_FOR_MS } from '../../../src/ports/board.ts'
import { boardContract, hostName, revision } from '../../ports/board-contract.ts'

boardContract(async () => {
  const board = new MemoryBoard(() => 0)
  return { board, wipe: async () => board.wipe(), async [Symbol.asyncDispose]() {} }
})

test('it heals a wrong notice after a minute, and forgets a host after a month', async () => {
  let now = 0
  const board = new MemoryBoard(() => now)
  const host = hostName('gpu1')
  const post = () => board.post({ host, revision: revision(1), parts: { status: 'x' } })
  await board.post({ host, revision: revision(1e15), parts: { status: 'wrong' } })
  now = ORDERED_FOR_MS - 1
  expect(await post()).toBe('older')
  now = ORDERED_FOR_MS
  expect(await post()).toBe('incomplete')
  now += KEPT_FOR_MS - 1
  expect(await board.read('status')).toHaveLength(1)
  now += 1
  expect(await board.read('status')).toEqual([])
})
