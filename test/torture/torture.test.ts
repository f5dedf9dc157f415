import { Database } from 'bun:sqlite'
import { expect, test } from 'bun:test'
import { Script } from '../../torture/script.ts'
import { summary } from '../../torture/tally.ts'
import { torture } from '../../torture/torture.ts'
import { writerOf } from '../../torture/transactions.ts'
import { needing } from '../support/needs.ts'
import { testPool } from '../support/pool.ts'

/** With the end of all that was begun, the whole takes a minute. */
const SECONDS = Number(process.env.TORTURE_SECONDS ?? 55)
/** Where nothing ends for a minute the play ends by itself, and says so. */
const TO_THE_END_S = 240

needing('gcc').test(
  `nothing is violated in ${SECONDS} s of torture`,
  async () => {
    const seed = Date.now() % 1_000_000_000
    const played = await torture({ seed, seconds: SECONDS, users: 4, gpus: 8 })
    if (played === null) throw new Error('it was stopped')
    const { judgement, tally, kept } = played
    console.log(`seed ${seed}: ${summary(tally, judgement)}`)
    const where = `seed ${seed}, logs in ${kept}`
    expect(judgement.violations.map(({ rule, message }) => `${rule}: ${message} (${where})`)).toEqual([])
    expect(judgement.holds).toBeGreaterThan(0)
    expect(tally.killed.transaction).toBeGreaterThan(0)
  },
  (SECONDS + TO_THE_END_S) * 1000,
)

test('the seed alone decides what is done', () => {
  const actions = (seed: number) => {
    const script = new Script(seed, { users: 4, gpus: 8 })
    return Array.from({ length: 500 }, () => script.next())
  }
  expect(actions(7)).toEqual(actions(7))
  expect(actions(7)).not.toEqual(actions(8))
  expect(new Set(actions(7).map(({ kind }) => kind)).size).toBe(7)
})

test('who is in the middle of a transaction is found', async () => {
  using pool = await testPool(1)
  expect(writerOf(pool.database)).toBeNull()
  const db = new Database(pool.database)
  db.run('BEGIN IMMEDIATE')
  expect(writerOf(pool.database)).toBe(process.pid)
  db.run('ROLLBACK')
  expect(writerOf(pool.database)).toBeNull()
  db.close()
})
