import { Database } from 'bun:sqlite'
import { expect, test } from 'bun:test'
import { Actions } from '../../torture/actions.ts'
import { writerOf } from '../../torture/transactions.ts'
import { testPool } from '../support/pool.ts'
import { testRound } from './round.ts'

testRound('an embedded pool', { daemon: false, killedIn: ({ killed }) => killed.transaction })

test('the seed alone decides the actions', () => {
  const actions = (seed: number) => {
    const actions = new Actions(seed, { users: 4, gpus: 8 })
    return Array.from({ length: 500 }, () => actions.next())
  }
  expect(actions(7)).toEqual(actions(7))
  expect(actions(7)).not.toEqual(actions(8))
  expect(new Set(actions(7).map(({ kind }) => kind)).size).toBe(7)
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
