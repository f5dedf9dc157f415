import { expect, test } from 'bun:test'
import { FairTurns } from '../../src/daemon/fair-turns.ts'

const [ANN, BEN] = [1000, 1001]
const MEBIBYTE = 1024 * 1024

test('a request of another account is not behind a thousand of the first', async () => {
  const turns = new FairTurns({ mostAtOnce: 64, mostPerAccount: 2 })
  const done: number[] = []
  const { promise, resolve } = Promise.withResolvers<void>()
  for (let at = 0; at < 1_000; at++) turns.add(ANN, { size: 1, perform: async () => void done.push(ANN) })
  const last = async () => {
    done.push(BEN)
    resolve()
  }
  turns.add(BEN, { size: 1, perform: last })
  await promise
  expect(done.length).toBeLessThan(10)
})

test('requests that wait for nothing let timers and sockets run in between', async () => {
  const turns = new FairTurns({ mostAtOnce: 64, mostPerAccount: 2 })
  let count = 0
  const { promise, resolve } = Promise.withResolvers<number>()
  for (let at = 0; at < 1_000; at++) turns.add(ANN, { size: 1, perform: async () => void count++ })
  setImmediate(() => resolve(count))
  expect(await promise).toBeLessThan(10)
})

test('the requests of an account that wait are limited by their size', async () => {
  const turns = new FairTurns({ mostAtOnce: 64, mostPerAccount: 2 })
  const { promise, resolve } = Promise.withResolvers<void>()
  const held = { size: MEBIBYTE, perform: () => promise }
  const accepted = Array.from({ length: 30 }, () => turns.add(ANN, held)).filter(Boolean).length
  // Two are performed, and the others wait.
  expect(accepted).toBe(2 + 4)
  expect(turns.add(BEN, held)).toBe(true)
  resolve()
})
