import { expect, test } from 'bun:test'
import { compareUnits, unitsOf } from '../../src/domain/pool/units.ts'
import { storedHistory, storedPool } from '../support/database.ts'
import { failureOf } from '../support/failure.ts'
import { untilAllFree } from '../support/job.ts'
import { pairsOnOneGpu } from '../support/order.ts'
import { type TestPool, testPool } from '../support/pool.ts'
import { loggedRuns, prepareLogs } from '../support/waiters.ts'

const GPUS = 8
const CROWD = 200

/** As LOGGED_COMMAND, with a longer run. */
const SCRIPT = `
  read from rest < /proc/uptime
  i=0; while [ $i -lt 2000 ]; do i=$((i+1)); done
  read to rest < /proc/uptime
  echo "$CUDA_VISIBLE_DEVICES $from $to" > "log/$CANHAZGPU_RESERVATION"`

test('two hundred commands at once never share a GPU, and fail only if too few are free', async () => {
  using pool = await testPool(GPUS)
  prepareLogs(pool)
  const runs = Array.from({ length: CROWD / 2 }, (_, nth) =>
    pool.chg('run', '--json', '--gpus', String(1 + (nth % 3)), '--', 'sh', '-c', SCRIPT),
  )
  const reserves = Array.from({ length: CROWD / 2 }, (_, nth) =>
    // Every tenth command releases all manual reservations, so that later runs find free GPUs.
    nth % 10 === 9 ? pool.chg('release') : pool.chg('reserve', '--json', '--gpus', '1'),
  )
  const all = await Promise.all([...runs, ...reserves])
  const others = all.filter(({ status }) => status !== 0 && status !== 75)
  expect(others).toEqual([])
  for (const each of all) {
    if (each.status === 75) expect(failureOf(each).code).toBe('not-enough-gpus')
  }
  const log = loggedRuns(pool)
  expect(log).toHaveLength((await Promise.all(runs)).filter(({ status }) => status === 0).length)
  expect(log.length).toBeGreaterThan(0)
  expect(pairsOnOneGpu(log)).toEqual([])
  await pool.chg('release')
  await untilAllFree(pool)
  expectOneHolderInHistory(pool)
}, 120_000)

test('of two hundred reserves at once on eight GPUs, eight are granted', async () => {
  using pool = await testPool(GPUS)
  const all = await Promise.all(Array.from({ length: CROWD }, () => pool.chg('reserve')))
  expect(all.filter(({ status }) => status === 0)).toHaveLength(GPUS)
  expect(all.filter(({ status }) => status === 75)).toHaveLength(CROWD - GPUS)
  const granted = storedPool(pool).reservations.flatMap(unitsOf)
  expect(granted.toSorted(compareUnits)).toEqual(['0', '1', '2', '3', '4', '5', '6', '7'])
}, 120_000)

/** On each GPU, one reservation of the history ends before the next one starts. */
function expectOneHolderInHistory(pool: TestPool): void {
  for (let gpu = 0; gpu < GPUS; gpu++) {
    const records = storedHistory(pool).filter((record) => record.gpu === gpu)
    records.reduce((endedAt, record) => {
      expect(record.started_at).toBeGreaterThanOrEqual(endedAt)
      return record.ended_at
    }, 0)
  }
}
