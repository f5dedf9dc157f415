import { expect, test } from 'bun:test'
import { HostSide } from '../../../src/domain/fleet/session.ts'

const [here, silent, over] = [
  { isOver: false, isSilent: false },
  { isOver: false, isSilent: true },
  { isOver: true, isSilent: true },
]

test('a caller that is silent or gone before the start', () => {
  const side = new HostSide()
  expect([here, silent, over].map((signs) => side.step(signs))).toEqual(['serve', 'give-up', 'leave'])
  side.granted()
  expect([here, silent, over].map((signs) => side.step(signs))).toEqual(['serve', 'give-up', 'leave'])
})

test('a command starts once, and only if its GPUs were granted', () => {
  const side = new HostSide()
  expect(side.agreed()).toBe(false)
  side.granted()
  expect([side.agreed(), side.agreed()]).toEqual([true, false])
  expect([here, silent, over].map((signs) => side.step(signs))).toEqual(['serve', 'remind', 'hang-up'])
})
