import { Database } from 'bun:sqlite'
import { expect, test } from 'bun:test'
import { Actions } from '../../torture/actions.ts'
import { summary } from '../../torture/tally.ts'
import { torture } from '../../torture/torture.ts'
import { writerOf } from '../../torture/transactions.ts'
import { needing } from '../support/needs.ts'
import { testPool } from '../support/pool.ts'

/** With the time until all commands have ended, the whole takes a minute. */
const SECONDS = Number(process.env.TORTURE_SECONDS ?? 55)
/** A round without progress for a minute ends by itself, as a violation. */
const TO_THE_END_S = 240

needing('gcc').test(
  `nothing is violated in ${SECONDS} s of torture`,
  async () => {
    const seed = Date.now() % 1_000_000_000
    const done = await torture({ seed, seconds: SECONDS, users: 4, gpus: 8 })
    if (done === null) throw new Error('it was stopped')
    const { result, tally, kept } = done
    console.log(`seed ${seed}: ${summary(tally, result)}`)
    const where = `seed ${seed}, logs in ${kept}`
    expect(result.violations.map(({ rule, message }) => `${rule}: ${message} (${where})`)).toEqual([])
    expect(result.holds).toBeGreaterThan(0)
    expect(tally.killed.transaction).toBeGreaterThan(0)
  },
  (SECONDS + TO_THE_END_S) * 1000,
)

test('the seed alone decides what is done', () => {
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
