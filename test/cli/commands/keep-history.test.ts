import { expect, test } from 'bun:test'
import type { UsageRecord } from '../../../src/domain/pool/model.ts'
import type { PolicyDocument } from '../../../src/views/schemas/policy.ts'
import type { ReportDocument } from '../../../src/views/schemas/usage.ts'
import { storedHistory, writeHistory } from '../../support/database.ts'
import { type TestPool, testPool } from '../../support/pool.ts'

const HOUR = 3_600_000
const DAY = 24 * HOUR

/** A run of one hour that ended at noon (UTC) of a day. */
function ranBefore(days: number): UsageRecord {
  const endedAt = (Math.floor(Date.now() / DAY) - days) * DAY + 12 * HOUR
  return {
    ...{ host: 'box', reservation: `r${days}`, unit: '0', term: 'run', outcome: 'exited' },
    owner: { account: { uid: 1000, name: 'ann' }, shownName: 'ann' },
    ...{ startedAt: endedAt - HOUR, endedAt },
  }
}

const report = async (pool: TestPool, days: number): Promise<ReportDocument> =>
  JSON.parse((await pool.chg('report', '--json', '--days', String(days))).stdout)

test('records older than keep-history go, their sums stay, and a report says what it no longer knows', async () => {
  using pool = await testPool(1)
  writeHistory(pool, [500, 300, 200, 50].map(ranBefore))
  const before = await report(pool, 1000)
  expect(before).toMatchObject({ total: { gpu_hours: 4, run: 4 } })
  expect(before).not.toHaveProperty('sums_until')

  const set = await pool.chg('policy', 'set', 'keep-history', '250d', '--json')
  const { rules } = JSON.parse(set.stdout) as PolicyDocument
  expect(rules).toContainEqual(
    expect.objectContaining({ rule: 'keep-history', value: '250d', amount: 250 * 86_400, source: 'pool' }),
  )
  expect(storedHistory(pool).map(({ reservation }) => reservation)).toEqual(['r200', 'r50'])
  const until = (Math.floor(Date.now() / DAY) - 250) * DAY
  const after = await report(pool, 1000)
  expect(after).toMatchObject({ total: { gpu_hours: 4, run: 4 }, sums_until: new Date(until).toISOString() })
  expect(Date.parse(after.from) % DAY).toBe(0)
  expect(await report(pool, 400)).toMatchObject({ total: { gpu_hours: 3, run: 3 } })
  expect(await report(pool, 249)).not.toHaveProperty('sums_until')
  const { stderr } = await pool.chg('report', '--days', '1000')
  expect(stderr).toBe(
    `Before ${new Date(until).toISOString().slice(0, 10)} only the sums of each day (UTC) are kept: a reservation counts on the day on which it ended\n`,
  )
  expect(JSON.parse((await pool.chg('admin', '--check', '--json')).stdout)).toMatchObject({ problems: [] })
})

test('the next end of a reservation removes what has become too old', async () => {
  using pool = await testPool(1)
  await pool.chg('policy', 'set', 'keep-history', '100d')
  writeHistory(pool, [150, 50].map(ranBefore))
  expect((await pool.chg('reserve')).status).toBe(0)
  expect((await pool.chg('release')).status).toBe(0)
  const left = storedHistory(pool).map(({ reservation }) => reservation)
  expect(left).toHaveLength(2)
  expect(left).toContain('r50')
})

test('less than the dashboard shows, and a value for one account, are refused', async () => {
  using pool = await testPool(1)
  const short = await pool.chg('policy', 'set', 'keep-history', '30d')
  expect(short).toMatchObject({ status: 2, stderr: expect.stringContaining('at least 92d') })
  const one = await pool.chg('policy', 'set', 'keep-history', '100d', '--account', '1000')
  expect(one).toMatchObject({ status: 2, stderr: expect.stringContaining('the same for every account') })
  expect((await pool.chg('policy', 'unset', 'keep-history')).stdout).toMatch(/keep-history +400d +default/)
})
