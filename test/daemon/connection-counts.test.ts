import { expect, test } from 'bun:test'
import { ConnectionCounts } from '../../src/daemon/connection-counts.ts'

const [ANN, BEN] = [1000, 1001]

function counts(most: number) {
  let now = 0
  const counted = new ConnectionCounts(most, () => now)
  return {
    close: (uid: number) => counted.close(uid),
    pass: (ms: number) => {
      now += ms
    },
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

test('with few descriptors, something is left for every next account', () => {
  const { open } = counts(60)
  expect(open(ANN, 100)).toBe(30)
  expect(open(BEN, 100)).toBe(15)
  expect(open(1002, 100)).toBe(8)
  expect(open(1003)).toBe(1)
})

test('an account that connects again and again is slowed down, and others are not', () => {
  const { open, close, pass } = counts(1_000_000)
  const churn = (uid: number, times: number) => {
    let accepted = 0
    for (let at = 0; at < times; at++) {
      if (open(uid) === 0) continue
      accepted++
      close(uid)
    }
    return accepted
  }
  expect(churn(ANN, 10_000)).toBe(2_048)
  pass(1_000)
  expect(churn(ANN, 10_000)).toBe(500)
  expect(churn(BEN, 2_000)).toBe(2_000)
})
