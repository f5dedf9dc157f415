import { Database } from 'bun:sqlite'
import { expect, test } from 'bun:test'
import { Actions } from '../../torture/actions.ts'
import { summary } from '../../torture/tally.ts'
import { torture } from '../../torture/torture.ts'
import { writerOf } from '../../torture/transactions.ts'
import { needing } from '../support/needs.ts'
import { testPool } from '../support/pool.ts'

/** The whole test takes a minute: after this time, all commands must still end. */
const SECONDS = Number(process.env.TORTURE_SECONDS ?? 55)
/** Far longer than the end of a round takes: a round without progress for a minute ends as a violation. */
const END_WITHIN_S = 240

needing('gcc').test(
  `${SECONDS} s of torture violate no rule`,
  async () => {
    const seed = Date.now() % 1_000_000_000
    const done = await torture({ seed, seconds: SECONDS, users: 4, gpus: 8 })
    if (done === null) throw new Error('the round was interrupted')
    const { result, tally, kept } = done
    console.log(`seed ${seed}: ${summary(tally, result)}`)
    const where = `seed ${seed}, logs in ${kept}`
    expect(result.violations.map(({ rule, message }) => `${rule}: ${message} (${where})`)).toEqual([])
    expect(result.holds).toBeGreaterThan(0)
    expect(tally.killed.transaction).toBeGreaterThan(0)
  },
  (SECONDS + END_WITHIN_S) * 1000,
)

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
