import { expect } from 'bun:test'
import { readFileSync, writeFileSync } from 'node:fs'
import { withDatabase } from '../../support/database.ts'
import { binary, embeddedPool } from '../../support/embedded.ts'
import { needing } from '../../support/needs.ts'
import type { TestPool } from '../../support/pool.ts'
import { openTerminal } from '../../support/terminal.ts'

const PAGE = 4096
const FORCE = ['admin', '--gpus', '4', '--force', '--provider', 'fake']

/** A machine that recovers them within a second would show no progress. */
const RECORDS = 400_000
/** A page holds fewer records. */
const MOST_IN_PAGE = 100

/** Fills the history of the pool. One record in the middle has a note. */
function writeLargeHistory(pool: TestPool): void {
  const startedAt = Date.now() - 3_600_000
  withDatabase(pool, (db) =>
    db.run(
      `INSERT INTO history (reservation, gpu, host, user, uid, account, kind, started_at, ended_at, outcome, note)
       WITH RECURSIVE each(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM each WHERE n < ?1 - 1)
       SELECT printf('old-%08d', n), n % 4, 'box', 'ann', 1000, 'ann', 'run', ?2 + n, ?2 + n + 1000, 'exited',
              iif(n = ?1 / 2, 'in the middle', NULL) FROM each`,
      [RECORDS, startedAt],
    ),
  )
}

const recordsOf = (pool: TestPool): number =>
  withDatabase(pool, (db) => db.query<{ n: number }, []>('SELECT count(*) AS n FROM history').get()?.n ?? 0)

/** Zeroes the page of the record with this note. */
function damagePageWith(pool: TestPool, note: string): void {
  withDatabase(pool, (db) => db.run('PRAGMA wal_checkpoint(TRUNCATE)'))
  const bytes = readFileSync(pool.database)
  const page = Math.floor(bytes.indexOf(note) / PAGE)
  expect(page).toBeGreaterThan(0)
  writeFileSync(pool.database, bytes.fill(0, page * PAGE, (page + 1) * PAGE))
}

needing('embedded pool').test(
  'the recovery of a large history shows its progress: lines in a pipe, a bar on a terminal',
  async () => {
    using pool = await embeddedPool(4)
    writeLargeHistory(pool)
    damagePageWith(pool, 'in the middle')
    const { status, stdout, stderr } = await pool.chg(...FORCE)
    expect({ status, stdout }).toEqual({ status: 0, stdout: 'Reinitialized 4 GPUs (IDs 0 to 3)\n' })
    const length = recordsOf(pool)
    expect(length).toBeLessThan(RECORDS)
    expect(length).toBeGreaterThan(RECORDS - MOST_IN_PAGE)
    const lines = stderr.trimEnd().split('\n')
    expect(lines.pop()).toEndWith(`; ${length} usage records taken over`)
    expect(lines.length).toBeGreaterThan(0)
    for (const line of lines) {
      expect(line).toMatch(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d (Reading|Writing) the usage records: \d+%$/)
    }
    expect(lines.at(-1)).toContain('Writing')

    withDatabase(pool, (db) =>
      db.run("UPDATE history SET note = 'the second time' WHERE reservation = 'old-00000100'"),
    )
    damagePageWith(pool, 'the second time')
    using terminal = openTerminal(pool, [binary, ...FORCE])
    await terminal.see('░')
    await terminal.see('% Writing the usage records')
    await terminal.see('\r\u001b[2K')
    await terminal.see('Reinitialized 4 GPUs')
    expect(await terminal.process.exited).toBe(0)
    expect(recordsOf(pool)).toBeLessThan(length)
  },
)
