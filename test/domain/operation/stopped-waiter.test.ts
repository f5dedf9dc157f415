import { expect, test } from 'bun:test'
import { someUnits } from '../pool/builders.ts'
import { granted, World } from './world.ts'

/** A daemon asks for its waiters. The process of the first may be stopped between the question and the decision. */
test('a waiter whose process is stopped gets nothing, keeps its place, and delays nobody', () => {
  const world = new World(1)
  world.states.set(0, { kind: 'fault', reason: 'GPU is lost' })
  granted(world.run(someUnits(1), { pid: 7, waits: true }))
  granted(world.run(someUnits(1), { pid: 8, waits: true }))
  world.states.clear()
  world.stopped.add(7)
  expect(granted(world.run(someUnits(1), { pid: 7, waits: true }))).toMatchObject({ kind: 'queued' })
  expect(world.pool.queue.map(({ id }) => id)).toEqual(['r7', 'r8'])
  expect(granted(world.run(someUnits(1), { pid: 8, waits: true }))).toMatchObject({ kind: 'granted' })
  world.gone.add(8)
  world.stopped.clear()
  expect(granted(world.run(someUnits(1), { pid: 7, waits: true }))).toMatchObject({ kind: 'granted' })
})
