import { expect, test } from 'bun:test'
import { readdirSync, readFileSync } from 'node:fs'
import { compareUnits, unitsOf } from '../../src/domain/pool/units.ts'
import { storedHistory, storedPool } from '../support/database.ts'
import { untilAllFree } from '../support/job.ts'
import { type TestPool, testPool } from '../support/pool.ts'

const GPUS = 8
const CROWD = 200

/** One run by its own log: its GPUs, and start and end by the time since boot. */
interface Stay {
  readonly gpus: readonly number[]
  readonly from: number
  readonly to: number
}

/** Each run writes its own log; `/proc/uptime` is the same clock for all, in hundredths of a second. */
const SCRIPT = `
  read from rest < /proc/uptime
  i=0; while [ $i -lt 2000 ]; do i=$((i+1)); done
  read to rest < /proc/uptime
  echo "$CUDA_VISIBLE_DEVICES $from $to" > "log/$CANHAZGPU_RESERVATION"`

function stays(pool: TestPool): Stay[] {
  return readdirSync(`${pool.folder}/log`).map((name) => {
    const [gpus = '', from, to] = readFileSync(`${pool.folder}/log/${name}`, 'utf8').trim().split(' ')
    return { gpus: gpus.split(',').map(Number), from: Number(from), to: Number(to) }
  })
}

/** Pairs of stays that had one GPU at the same time. */
function clashes(all: readonly Stay[]): [Stay, Stay][] {
  return all.flatMap((a, nth) =>
    all
      .slice(nth + 1)
      .filter((b) => a.gpus.some((gpu) => b.gpus.includes(gpu)) && a.from < b.to && b.from < a.to)
      .map((b): [Stay, Stay] => [a, b]),
  )
}

test('two hundred runs at once never share a GPU, and fail only because the pool is full', async () => {
  using pool = await testPool(GPUS)
  await pool.sh('mkdir log')
  const runs = Array.from({ length: CROWD / 2 }, (_, nth) =>
    pool.chg('run', '--gpus', String(1 + (nth % 3)), '--', 'sh', '-c', SCRIPT),
  )
  const reserves = Array.from({ length: CROWD / 2 }, (_, nth) =>
    // Releases all GPUs at intervals, so that later runs find free ones.
    nth % 10 === 9 ? pool.chg('release') : pool.chg('reserve', '--gpus', '1'),
  )
  const all = await Promise.all([...runs, ...reserves])
  const others = all.filter(({ status }) => status !== 0 && status !== 75)
  expect(others).toEqual([])
  for (const { status, stderr } of all) {
    if (status === 75) expect(stderr).toStartWith('Error: Not enough GPUs available.')
  }
  const log = stays(pool)
  expect(log).toHaveLength((await Promise.all(runs)).filter(({ status }) => status === 0).length)
  expect(log.length).toBeGreaterThan(0)
  expect(clashes(log)).toEqual([])
  await pool.chg('release')
  await untilAllFree(pool)
  expectNoSharedHistory(pool)
}, 120_000)

test('eight of two hundred reservations are granted', async () => {
  using pool = await testPool(GPUS)
  const all = await Promise.all(Array.from({ length: CROWD }, () => pool.chg('reserve')))
  expect(all.filter(({ status }) => status === 0)).toHaveLength(GPUS)
  expect(all.filter(({ status }) => status === 75)).toHaveLength(CROWD - GPUS)
  const granted = storedPool(pool).reservations.flatMap(unitsOf)
  expect(granted.toSorted(compareUnits)).toEqual(['0', '1', '2', '3', '4', '5', '6', '7'])
}, 120_000)

/** The history shows the same: on each GPU one reservation ends before the next begins. */
function expectNoSharedHistory(pool: TestPool): void {
  for (let gpu = 0; gpu < GPUS; gpu++) {
    const records = storedHistory(pool).filter((record) => record.gpu === gpu)
    records.reduce((endedAt, record) => {
      expect(record.started_at).toBeGreaterThanOrEqual(endedAt)
      return record.ended_at
    }, 0)
  }
}
