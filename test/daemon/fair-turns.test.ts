import { expect, test } from 'bun:test'
import { FairTurns } from '../../src/daemon/fair-turns.ts'

const [ANN, BEN] = [1000, 1001]
const iteration = () => new Promise((resolve) => setImmediate(resolve))

/** A clock that moves only when a task moves it. */
const clock = { now: 0 }
const newTurns = () => new FairTurns({ mostAtOnce: 64, mostPerAccount: 2, clock: () => clock.now })
const MEBIBYTE = 1024 * 1024

test('a request of another account is not behind a thousand of the first', async () => {
  const turns = newTurns()
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
  const turns = newTurns()
  let count = 0
  const { promise, resolve } = Promise.withResolvers<number>()
  for (let at = 0; at < 1_000; at++) turns.add(ANN, { size: 1, perform: async () => void count++ })
  setImmediate(() => resolve(count))
  expect(await promise).toBeLessThan(10)
})

test('the requests of an account that wait are limited by their size', async () => {
  const turns = newTurns()
  const { promise, resolve } = Promise.withResolvers<void>()
  const held = { size: MEBIBYTE, perform: () => promise }
  const accepted = Array.from({ length: 30 }, () => turns.add(ANN, held)).filter(Boolean).length
  // Two are performed, and the others wait. A task takes more memory than its request.
  expect(accepted).toBe(2 + 3)
  expect(turns.add(BEN, held)).toBe(true)
  resolve()
})

test('short requests are limited by the memory of their tasks', () => {
  const turns = newTurns()
  const held = { size: 1, perform: () => new Promise<void>(() => {}) }
  const accepted = Array.from({ length: 10_000 }, () => turns.add(ANN, held)).filter(Boolean).length
  expect(accepted).toBe(2 + Math.floor((4 * MEBIBYTE) / (512 + 1)))
})

test('the requests of all accounts that wait are limited together, and each account has a share', () => {
  const turns = newTurns()
  const held = { size: 1_024, perform: () => new Promise<void>(() => {}) }
  let bytes = 0
  for (let uid = 2_000; uid < 2_100; uid++) {
    while (turns.add(uid, held)) bytes += held.size
  }
  expect(bytes).toBeLessThanOrEqual(17 * MEBIBYTE)
  expect(turns.add(BEN, { ...held, size: 100 })).toBe(true)
})

/** Takes this long before it first waits for something. */
const taking = (ms: number, then: () => void) => async () => {
  clock.now += ms
  then()
}

test('one request is next, however many accounts have sent long ones', async () => {
  const turns = newTurns()
  const done: number[] = []
  for (let uid = 2_000; uid < 2_100; uid++) {
    for (let at = 0; at < 10; at++) turns.add(uid, { size: 1, perform: taking(5, () => done.push(uid)) })
  }
  // Each account has had a turn when it arrives.
  while (done.length < 150) await iteration()
  const before = done.length
  const { promise, resolve } = Promise.withResolvers<void>()
  turns.add(BEN, { size: 1, perform: taking(1, resolve) })
  await promise
  expect(done.length - before).toBeLessThanOrEqual(1)
})

test('an iteration of the event loop starts no task after the first that took long', async () => {
  const turns = newTurns()
  let started = 0
  for (let uid = 2_000; uid < 2_050; uid++) {
    turns.add(uid, { size: 1, perform: taking(5, () => started++) })
  }
  while (started < 50) {
    const before = started
    await iteration()
    expect(started - before).toBeLessThanOrEqual(1)
  }
})

test('an account that did nothing for a while has hardly any credit', async () => {
  const turns = newTurns()
  const done: number[] = []
  const add = (uid: number, count: number) => {
    for (let at = 0; at < count; at++) turns.add(uid, { size: 1, perform: taking(5, () => done.push(uid)) })
  }
  add(ANN, 20)
  while (done.length < 20) await iteration()
  done.length = 0
  add(ANN, 10)
  add(BEN, 10)
  while (done.length < 20) await iteration()
  const ofAnn = done.slice(0, 10).filter((uid) => uid === ANN).length
  expect(ofAnn).toBeGreaterThanOrEqual(4)
})
