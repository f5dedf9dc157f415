import { expect, test } from 'bun:test'
import { ClosedConnections } from '../../../src/adapters/daemon/closed-connections.ts'

const [ANN, BEN] = [1000, 4_000_000_000]

test('each closed connection is taken once, in order, also after the memory was used many times', () => {
  const closing = ClosedConnections.forAtMost(3)
  const accepting = new ClosedConnections(closing.shared)
  for (let round = 0; round < 10; round++) {
    for (const uid of [ANN, BEN, round]) closing.report(uid)
    const taken: number[] = []
    accepting.take((uid) => taken.push(uid))
    accepting.take((uid) => taken.push(uid))
    expect(taken).toEqual([ANN, BEN, round])
  }
})
