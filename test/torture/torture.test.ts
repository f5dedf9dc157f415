import { Database } from 'bun:sqlite'
import { expect, test } from 'bun:test'
import { Actions } from '../../torture/actions.ts'
import { CalendarActions } from '../../torture/calendar-actions.ts'
import { writerOf } from '../../torture/transactions.ts'
import { testPool } from '../support/pool.ts'
import { testRound } from './round.ts'

testRound('an embedded pool', { daemon: false, killedIn: ({ killed }) => killed.transaction })

test.each([
  [Actions, 7],
  [CalendarActions, 10],
] as const)('the seed alone decides the actions of %p', (Chosen, kinds) => {
  const actions = (seed: number) => {
    const actions = new Chosen(seed, { users: 4, gpus: 8 })
    return Array.from({ length: 500 }, () => actions.next())
  }
  expect(actions(7)).toEqual(actions(7))
  expect(actions(7)).not.toEqual(actions(8))
  expect(new Set(actions(7).map(({ kind }) => kind)).size).toBe(kinds)
})

test('the process in a transaction is found', async () => {
  using pool = await testPool(1)
  expect(writerOf(pool.database)).toBeNull()
  const db = new Database(pool.database)
  db.run('BEGIN IMMEDIATE')
  expect(writerOf(pool.database)).toBe(process.pid)
  db.run('ROLLBACK')
  expect(writerOf(pool.database)).toBeNull()
  db.close()
})
