import { Database } from 'bun:sqlite'
import { join } from 'node:path'
import { fakePool } from '../pool.ts'
import { timeProgram } from '../programs.ts'
import type { Row } from '../row.ts'
import { inTurn, shown } from '../samples.ts'

const RECORDS = 1_000_000
const BUDGET_MS = 100
const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS

export const report: Row = {
  name: 'report',
  what: `canhazgpu report over ${RECORDS} records, minus an empty program (budget ${BUDGET_MS} ms)`,
  async measure(bench) {
    const { canhazgpu, floor, effort, folder } = bench
    using pool = await fakePool(bench, 8)
    const { env } = pool
    fillHistory(join(folder, 'pool', 'pool.db'))
    const taken = await inTurn(Math.max(3, Math.round(7 * effort)), {
      floor: () => timeProgram([floor.program], env),
      subject: () => timeProgram([canhazgpu, 'report'], env),
    })
    return {
      value: shown(taken.subject),
      comparedWith: `empty program ${shown(taken.floor)}`,
      ratio: (taken.subject.median - taken.floor.median) / BUDGET_MS,
      budget: 1,
      broken: [],
      details: taken,
    }
  },
}

/** Two GPUs per reservation, twenty users, one hour each, spread over the last 29 days. */
function fillHistory(path: string): void {
  const db = new Database(path)
  const start = Date.now() - 29 * DAY_MS
  const step = (29 * DAY_MS - HOUR_MS) / (RECORDS / 2)
  db.run(`
    WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < ${RECORDS - 1})
    INSERT INTO history (reservation, gpu, host, user, uid, account, kind, started_at, ended_at, outcome)
    SELECT printf('%012x', i / 2), i % 2, 'bench', 'user' || (i / 2 % 20), i / 2 % 20, 'user' || (i / 2 % 20),
           CASE i / 2 % 3 WHEN 0 THEN 'manual' ELSE 'run' END,
           ${start} + CAST(i / 2 * ${step} AS INTEGER),
           ${start} + CAST(i / 2 * ${step} AS INTEGER) + ${HOUR_MS}, 'exited'
      FROM n`)
  // Each reservation ends on one day.
  db.run(`
    INSERT OR REPLACE INTO usage_by_day
    SELECT ended_at / ${DAY_MS}, user, uid, account, kind, sum(ended_at - started_at), count(DISTINCT reservation),
           min(started_at)
      FROM history GROUP BY 1, 2, 3, 4, 5`)
  db.close()
}
