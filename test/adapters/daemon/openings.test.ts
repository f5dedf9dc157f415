import { expect, test } from 'bun:test'
import { Openings } from '../../../src/adapters/daemon/openings.ts'

const [ANN, BEN] = [1000, 1001]

const iteration = () => new Promise((resolve) => setImmediate(resolve))

test('a few connections are opened in each iteration of the event loop, and no account waits for all of another', async () => {
  const opened: number[] = []
  const openings = new Openings(({ countedAs }) => void opened.push(countedAs))
  for (let added = 0; added < 100; added++) openings.add({ countedAs: ANN })
  openings.add({ countedAs: BEN })
  expect(opened).toEqual([])
  await iteration()
  expect(opened).toEqual([ANN, BEN, ANN, ANN, ANN, ANN, ANN, ANN])
  while (opened.length < 101) {
    const before = opened.length
    await iteration()
    expect(opened.length - before).toBeLessThanOrEqual(8)
  }
})
