import { expect, test } from 'bun:test'
import type { UsageRecord } from '../../../src/domain/pool/model.ts'
import { gpuUnit } from '../../../src/domain/pool/units.ts'
import { changeStoredPool, writeHistory } from '../../support/database.ts'
import { startForever } from '../../support/job.ts'
import { type TestPool, testPool } from '../../support/pool.ts'

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

/** Some reservations of one user and one kind. `hours` is their total. */
interface Past {
  readonly user: string
  readonly kind: UsageRecord['term']
  readonly reservations: number
  readonly hours: number
  readonly daysAgo?: number
  readonly gpus?: number
}

function past(...all: Past[]): UsageRecord[] {
  const now = Date.now()
  return all.flatMap(({ user, kind, reservations, hours, daysAgo = 2, gpus = 1 }, nth) =>
    Array.from({ length: reservations * gpus }, (_, i): UsageRecord => {
      const endedAt = now - daysAgo * DAY
      return {
        host: 'box',
        reservation: `${user}-${nth}-${Math.floor(i / gpus)}`,
        unit: gpuUnit(i % gpus),
        owner: { account: { uid: 1000, name: user }, shownName: user },
        term: kind,
        startedAt: Math.round(endedAt - (hours * HOUR) / reservations / gpus),
        endedAt,
        outcome: 'exited',
      }
    }),
  )
}

async function reportOf(pool: TestPool, ...options: string[]): Promise<string[]> {
  const { stdout, stderr, status } = await pool.chg('report', ...options)
  expect({ stderr, status }).toEqual({ stderr: '', status: 0 })
  return stdout.split('\n')
}

test('columns and totals match the specification', async () => {
  using pool = await testPool(1)
  writeHistory(
    pool,
    past(
      { user: 'bob', kind: 'run', reservations: 6, hours: 5 },
      { user: 'bob', kind: 'manual', reservations: 15, hours: 10.25 },
      { user: 'alice', kind: 'run', reservations: 12, hours: 14.5 },
      { user: 'alice', kind: 'manual', reservations: 8, hours: 10 },
      { user: 'charlie', kind: 'run', reservations: 3, hours: 2.6 },
      { user: 'charlie', kind: 'manual', reservations: 2, hours: 2 },
    ),
  )
  const day = (ago: number) => new Date(Date.now() - ago * DAY).toISOString().slice(0, 10)
  const [title, period, ...rest] = await reportOf(pool)
  expect(title).toBe('=== GPU Reservation Report ===')
  expect(period).toBe(`Period: ${day(30)} to ${day(0)} (30 days)`)
  expect(rest).toEqual([
    '',
    'User                       GPU Hours      Percentage        Run     Manual',
    '---------------------------------------------------------------------------',
    'alice                          24.50          55.2%         12          8',
    'bob                            15.25          34.4%          6         15',
    'charlie                         4.60          10.4%          3          2',
    '---------------------------------------------------------------------------',
    'TOTAL                          44.35         100.0%         21         25',
    '',
    'Total reservations: 46',
    'Unique users: 3',
    '',
  ])
})

test('an empty report has its head and totals', async () => {
  using pool = await testPool(1)
  const lines = await reportOf(pool, '--days', '1')
  expect(lines[1]).toEndWith('(1 day)')
  expect(lines).toContain('TOTAL                           0.00           0.0%          0          0')
  expect(lines.slice(-3)).toEqual(['Total reservations: 0', 'Unique users: 0', ''])
})

test('a reservation of several GPUs counts once, with the hours of each GPU', async () => {
  using pool = await testPool(1)
  writeHistory(pool, past({ user: 'alice', kind: 'run', reservations: 1, hours: 12, gpus: 4 }))
  const lines = await reportOf(pool)
  expect(lines).toContain('alice                          12.00         100.0%          1          0')
  expect(lines).toContain('Total reservations: 1')
})

test('only hours in the period count', async () => {
  using pool = await testPool(1)
  writeHistory(pool, [
    ...past({ user: 'early', kind: 'run', reservations: 1, hours: 1, daysAgo: 7.5 }),
    ...past({ user: 'across', kind: 'run', reservations: 1, hours: 48, daysAgo: 6 }),
    ...past({ user: 'late', kind: 'run', reservations: 1, hours: 8, daysAgo: 1 }),
  ])
  const week = (await reportOf(pool, '--days', '7')).join('\n')
  expect(week).not.toContain('early')
  expect(week).toContain('across                         24.00          75.0%          1          0')
  expect(week).toContain('late                            8.00          25.0%          1          0')
  expect((await reportOf(pool, '--days', '8')).join('\n')).toContain('early                           1.00')
})

test('a current reservation counts up to now', async () => {
  using pool = await testPool(3)
  await pool.chg('reserve', '--gpus', '2', '--duration', '30d')
  await startForever(pool)
  changeStoredPool(pool, (document) => ({
    ...document,
    reservations: document.reservations.map((each) => ({ ...each, startedAt: each.startedAt - 5 * HOUR })),
  }))
  const lines = await reportOf(pool)
  expect(lines.find((line) => line.startsWith('TOTAL'))).toMatch(/^TOTAL +15\.00 +100\.0% +1 +1$/)
  const recent = await reportOf(pool, '--days', '1')
  expect(recent.find((line) => line.startsWith('TOTAL'))).toMatch(/^TOTAL +15\.00 +100\.0% +1 +1$/)
})

test('a reservation whose GPUs are released one by one counts once, before and after its end', async () => {
  using pool = await testPool(3)
  await pool.chg('reserve', '--gpus', '3', '--duration', '30d')
  changeStoredPool(pool, (document) => ({
    ...document,
    reservations: document.reservations.map((each) => ({ ...each, startedAt: each.startedAt - 4 * HOUR })),
  }))
  for (const released of [0, 1, 2]) {
    expect((await pool.chg('release', '--gpu-ids', String(released))).status).toBe(0)
    const lines = await reportOf(pool)
    expect(lines.find((line) => line.startsWith('TOTAL'))).toMatch(/^TOTAL +12\.00 +100\.0% +0 +1$/)
  }
})

test('a run that has ended counts even if no process recorded its end', async () => {
  using pool = await testPool(1)
  const job = await startForever(pool)
  changeStoredPool(pool, (document) => ({
    ...document,
    reservations: document.reservations.map((each) => ({ ...each, startedAt: each.startedAt - 2 * HOUR })),
  }))
  job.process.kill('SIGKILL')
  await job.process.exited
  const total = (await reportOf(pool)).find((line) => line.startsWith('TOTAL'))
  expect(total).toMatch(/^TOTAL +2\.00 +100\.0% +1 +0$/)
})

test('columns are aligned for names of any length and script', async () => {
  using pool = await testPool(1)
  const names = [
    'al',
    '山田太郎',
    'Ольга',
    'a-user-name-far-longer-than-any-column-of-this-table',
    'n\u0303andu\u0301',
  ]
  writeHistory(
    pool,
    past(...names.map((user) => ({ user, kind: 'run' as const, reservations: 1, hours: 1 }))),
  )
  const table = (await reportOf(pool)).slice(4, 12)
  for (const name of names) expect(table.some((line) => line.startsWith(`${name} `))).toBe(true)
  const rows = table.filter((line) => !line.startsWith('-'))
  expect(new Set(rows.map((row) => Bun.stringWidth(row))).size).toBe(1)
})

test('control characters in a name do not reach the terminal', async () => {
  using pool = await testPool(1)
  writeHistory(pool, past({ user: 'ev\u001b[31mil\r', kind: 'run', reservations: 1, hours: 1 }))
  const { stdout } = await pool.chg('report')
  expect(stdout).not.toMatch(/[^\P{C}\n]/u)
})

test('when clocks change, hours are elapsed time and days are calendar days', async () => {
  using pool = await testPool(1)
  // In Berlin the clock went from 02:00 to 03:00 on 30 March 2025, and from 03:00 to 02:00 on 26 October.
  writeHistory(pool, [
    {
      ...{ host: 'box', reservation: 'spring', unit: '0', term: 'run', outcome: 'exited' },
      owner: { account: { uid: 1, name: 'alice' }, shownName: 'alice' },
      startedAt: Date.parse('2025-03-30T00:30:00+01:00'),
      endedAt: Date.parse('2025-03-30T04:30:00+02:00'),
    },
    {
      ...{ host: 'box', reservation: 'autumn', unit: '0', term: 'run', outcome: 'exited' },
      owner: { account: { uid: 2, name: 'bob' }, shownName: 'bob' },
      startedAt: Date.parse('2025-10-26T00:30:00+02:00'),
      endedAt: Date.parse('2025-10-26T04:30:00+01:00'),
    },
  ])
  pool.env.TZ = 'Europe/Berlin'
  const report = (await reportOf(pool, '--days', '3650')).join('\n')
  expect(report).toContain('alice                           3.00          37.5%')
  expect(report).toContain('bob                             5.00          62.5%')
  for (const zone of ['Europe/Berlin', 'America/New_York', 'Pacific/Auckland', 'Asia/Kolkata']) {
    pool.env.TZ = zone
    for (const days of [1, 7, 30, 180, 365]) {
      const [, from, to] =
        /^Period: (\S+) to (\S+) /.exec((await reportOf(pool, '--days', String(days)))[1] ?? '') ?? []
      expect(Date.parse(to ?? '') - Date.parse(from ?? '')).toBe(days * DAY)
    }
  }
})

test('--json', async () => {
  using pool = await testPool(1)
  writeHistory(
    pool,
    past(
      { user: 'alice', kind: 'run', reservations: 2, hours: 6, gpus: 2 },
      { user: 'bob', kind: 'manual', reservations: 1, hours: 2 },
    ),
  )
  const { stdout } = await pool.chg('report', '--days', '7', '--json')
  const time = expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/)
  const report = JSON.parse(stdout)
  expect(report).toEqual({
    days: 7,
    from: time,
    to: time,
    users: [
      { user: 'alice', account: 'alice', uid: 1000, gpu_hours: 6, percentage: 75, run: 2, manual: 0 },
      { user: 'bob', account: 'bob', uid: 1000, gpu_hours: 2, percentage: 25, run: 0, manual: 1 },
    ],
    total: { gpu_hours: 8, percentage: 100, run: 2, manual: 1 },
    total_reservations: 3,
    unique_users: 2,
  })
  expect(Date.parse(report.to) - Date.parse(report.from)).toBe(7 * DAY)
})
