import { expect, test } from 'bun:test'
import { ConnectionCounts } from '../../../src/adapters/daemon/connection-counts.ts'

const [ANN, BEN] = [1000, 1001]

function counts(most: number) {
  const counted = new ConnectionCounts(most)
  return {
    counted,
    close: (uid: number) => counted.close(uid),
    /** How many of this many connections are accepted. */
    open: (uid: number, wanted = 1) =>
      Array.from({ length: wanted }, () => counted.open(uid)).filter(Boolean).length,
  }
}

test('an account has at most 1,024 connections, and a closed one makes room', () => {
  const { open, close } = counts(1_000_000)
  expect(open(ANN, 2_000)).toBe(1_024)
  expect(open(BEN)).toBe(1)
  close(ANN)
  expect(open(ANN, 2)).toBe(1)
})

test('with few descriptors, each next account gets half of what is left', () => {
  const { open } = counts(80)
  expect(open(ANN, 100)).toBe(30)
  expect(open(BEN, 100)).toBe(15)
  expect(open(1002, 100)).toBe(8)
  expect(open(1003)).toBe(1)
})

test('a flood of many accounts leaves a reserve for accounts with a few connections', () => {
  const { open } = counts(8_000)
  for (let uid = 100_000; uid < 100_100; uid++) open(uid, 1_024)
  expect(open(ANN, 100)).toBe(4)
  expect(open(BEN, 100)).toBe(4)
})

test('an account without connections is forgotten', () => {
  const { open, close, counted } = counts(8_000)
  open(ANN, 2)
  open(BEN)
  close(ANN)
  close(BEN)
  expect(counted.accounts).toBe(1)
  close(ANN)
  expect(counted.accounts).toBe(0)
})
