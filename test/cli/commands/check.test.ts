import { expect, test } from 'bun:test'
import { chmodSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { wholeUnits } from '../../../src/domain/pool/units.ts'
import { recordOf } from '../../adapters/store/counting.ts'
import {
  changeStoredPool,
  storedHistory,
  storedPool,
  withDatabase,
  writeHistory,
} from '../../support/database.ts'
import { startForever } from '../../support/job.ts'
import { needing } from '../../support/needs.ts'
import { type Finished, type TestPool, testPool } from '../../support/pool.ts'
import { hasEnded, isWatching, supervisorsOf } from '../../support/processes.ts'
import { mountSmallDisk } from '../../support/small-disk.ts'
import { until } from '../../support/until.ts'
import { waitToRun } from '../../support/waiters.ts'

const PAGE = 4096
const FORCE = ['admin', '--gpus', '4', '--force', '--provider', 'fake']

/** Some reservations, and a history on several pages. */
async function usedPool(records = 300): Promise<TestPool> {
  const pool = await testPool(4)
  await pool.chg('reserve', '--gpus', '2')
  writeHistory(
    pool,
    Array.from({ length: records }, (_, nth) => recordOf(`old-${nth}`)),
  )
  withDatabase(pool, (db) => db.run('PRAGMA wal_checkpoint(TRUNCATE)'))
  return pool
}

/** Names, contents and times of all files. */
const everything = (pool: TestPool) =>
  readdirSync(`${pool.folder}/pool`, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => `${entry.parentPath}/${entry.name}`)
    .map((path) => [path, statSync(path).mtimeMs, Bun.hash(readFileSync(path))])

function damage(pool: TestPool, change: (bytes: Buffer) => unknown): void {
  withDatabase(pool, (db) => db.run('PRAGMA wal_checkpoint(TRUNCATE)'))
  const bytes = readFileSync(pool.database)
  change(bytes)
  writeFileSync(pool.database, bytes)
}

/** The pages that contain a text. */
const pagesWith = (bytes: Buffer, text: string): number[] =>
  Array.from({ length: bytes.length / PAGE }, (_, page) => page).filter((page) =>
    bytes.subarray(page * PAGE, (page + 1) * PAGE).includes(text),
  )

const zero = (bytes: Buffer, page: number): Buffer => bytes.fill(0, page * PAGE, (page + 1) * PAGE)

function expectUnsound({ status, stdout, stderr }: Finished, ...problems: RegExp[]): void {
  const lines = stdout.trimEnd().split('\n')
  expect(lines).toHaveLength(problems.length)
  for (const [nth, problem] of problems.entries()) expect(lines[nth]).toMatch(problem)
  const count = problems.length === 1 ? '1 problem' : `${problems.length} problems`
  expect(stderr).toMatch(new RegExp(`^Error: The pool \\S+ is not sound: ${count}\n$`))
  expect(status).toBe(1)
}

test('--check of a sound pool prints its contents', async () => {
  using pool = await usedPool()
  const waiter = await waitToRun(pool, '--gpus', '4')
  const before = everything(pool)
  expect(await pool.chg('admin', '--check')).toEqual({
    status: 0,
    stdout: `The pool ${pool.database} is sound: 4 GPUs, 1 reservation, 1 waiting, 300 usage records\n`,
    stderr: '',
  })
  expect(JSON.parse((await pool.chg('admin', '--check', '--json')).stdout)).toEqual({
    ...{ sound: true, path: pool.database, problems: [] },
    ...{ gpus: 4, reservations: 1, waiting: 1, records: 300, driver: { checked: true, gpus: 4 } },
  })
  expect(everything(pool)).toEqual(before)
  waiter.process.kill('SIGKILL')
})

test('--check changes nothing if no process has the pool open, with and without a log', async () => {
  using pool = await usedPool()
  for (const command of [['status'], ['run', '--', 'true']]) {
    await pool.chg(...command)
    await until('the supervisors have exited', () => supervisorsOf(pool).length === 0)
    const before = everything(pool).filter(([path]) => !String(path).endsWith('-shm'))
    expect((await pool.chg('admin', '--check')).status).toBe(0)
    expect(everything(pool).filter(([path]) => !String(path).endsWith('-shm'))).toEqual(before)
  }
})

test.each(['--gpus=4', '--force', '--provider=fake', '--group=root', '--allocation=lru'])(
  '--check and %s contradict each other',
  async (option) => {
    using pool = await testPool(1)
    const { status, stderr } = await pool.chg('admin', '--check', option)
    expect(stderr).toStartWith(`Error: --check and ${option.split('=')[0]} contradict each other`)
    expect(status).toBe(2)
  },
)

test('--check fails without a pool; without --check the count is required', async () => {
  using pool = await testPool(0)
  expect(await pool.chg('admin', '--check')).toMatchObject({
    status: 1,
    stdout: '',
    stderr: expect.stringMatching(/^Error: GPU pool not initialized/),
  })
  expect((await pool.chg('admin', '--force')).stderr).toStartWith(
    "Error: Required option '-g, --gpus <count>' not specified",
  )
})

test('--check finds a pool that breaks the rules, even with a correct checksum', async () => {
  using pool = await usedPool()
  changeStoredPool(pool, (document) => {
    const [held] = document.reservations
    if (held === undefined) throw new Error('nothing is held')
    return {
      ...document,
      reservations: [
        held,
        { ...held, id: 'other', holdings: wholeUnits(['1', '7']) },
        { ...held, holdings: wholeUnits(['2', '3']).toReversed() },
      ],
    }
  })
  expectUnsound(
    await pool.chg('admin', '--check'),
    /^GPU 1 is in 2 reservations \(\w+, other\) - .*--force/,
    /^reservation other holds GPU 7, which does not exist - /,
    /^reservation \w+ names GPUs twice or out of order \(3, 2\) - /,
    /^the id \w+ belongs to more than one/,
  )
  const { stderr, stdout } = await pool.chg('admin', '--check', '--json')
  expect(JSON.parse(stderr).error.code).toBe('store-corrupt')
  expect(JSON.parse(stdout)).toMatchObject({ sound: false, problems: [{ kind: 'damage' }, {}, {}, {}] })
})

test('--check finds a changed document', async () => {
  using pool = await usedPool()
  withDatabase(pool, (db) => db.run("UPDATE pool SET document = replace(document, 'Fake GPU', 'Real GPU')"))
  expectUnsound(await pool.chg('admin', '--check'), /checksum is wrong/)
})

test('--force keeps a changed document and the usage records', async () => {
  using pool = await usedPool()
  const { length } = storedHistory(pool)
  withDatabase(pool, (db) => db.run("UPDATE pool SET document = replace(document, 'Fake GPU', 'Real GPU')"))
  const forced = await pool.chg(...FORCE)
  expect(forced.status).toBe(0)
  const [, keptAs = '', records] =
    /^The damaged pool is kept as (\S+); (\d+) usage records taken over\n$/.exec(forced.stderr) ?? []
  expect(Number(records)).toBe(length)
  withDatabase({ database: keptAs }, (db) => {
    expect(db.query<{ document: string }, []>('SELECT document FROM pool').get()?.document).toContain(
      'Real GPU',
    )
  })
  expect(storedHistory(pool)).toHaveLength(length)
  expect((await pool.chg('admin', '--check')).stdout).toContain('is sound')
})

test('--check finds impossible usage records', async () => {
  using pool = await usedPool()
  writeHistory(pool, [
    recordOf('backwards', { startedAt: 2_000, endedAt: 1_000 }),
    recordOf('nowhere', { unit: '-1' }),
  ])
  expectUnsound(
    await pool.chg('admin', '--check'),
    /^usage records that end before they start: 1 - /,
    /^usage records with impossible values: 1 - /,
  )
})

test('--check finds sums that differ from the records, and --force recalculates them', async () => {
  using pool = await usedPool()
  withDatabase(pool, (db) => db.run('UPDATE usage_by_day SET ms = ms + 1'))
  expectUnsound(
    await pool.chg('admin', '--check'),
    /^sums of usage by day that differ from the records: 1 - /,
  )
  expect((await pool.chg(...FORCE)).stderr).toMatch(/; 300 usage records taken over\n$/)
  expect((await pool.chg('admin', '--check')).status).toBe(0)
})

test('--check finds files with wrong owner or mode', async () => {
  using pool = await usedPool()
  const { uid, gid } = statSync(pool.database)
  const owner = `${uid}:${gid}`
  chmodSync(`${pool.database}-wake`, 0o600)
  chmodSync(`${pool.database}-wal`, 0o644)
  chmodSync(`${pool.folder}/pool`, 0o777)
  expectUnsound(
    await pool.chg('admin', '--check'),
    new RegExp(
      `pool\\.db-wal has the wrong owner or mode \\(owner ${owner}, mode 644\\) - 'sudo chown ${owner} \\S+ && sudo chmod 666 \\S+' repairs it`,
    ),
    /pool\.db-wake has the wrong owner or mode/,
    /pool lets users other than its owner delete or replace the database \(mode 777\) - 'sudo chmod 755 \S+' prevents it/,
  )
})

test.each(['zero', 'garbage', 'cut'])(
  'a damaged file (%s): --check reports it, --force keeps it and recovers readable records',
  async (how) => {
    using pool = await usedPool(2_000)
    const held = storedPool(pool).reservations.map(({ id }) => id)
    damage(pool, (bytes) => {
      const pages = pagesWith(bytes, 'old-')
      expect(pages.length).toBeGreaterThan(20)
      if (how === 'zero') zero(bytes, pages[10] ?? 0)
      if (how === 'garbage') bytes.fill(0x5a, (pages[10] ?? 0) * PAGE, (pages[12] ?? 0) * PAGE)
      if (how === 'cut') bytes.fill(0, bytes.length - 9 * PAGE)
    })
    const damaged = readFileSync(pool.database)
    const checked = await pool.chg('admin', '--check')
    expect(checked.stdout).toMatch(/ - 'sudo canhazgpu admin --gpus <count> --force' creates a new pool/)
    expect(checked.status).toBe(1)
    expect((await pool.chg('admin', '--gpus', '4', '--provider', 'fake')).status).toBe(1)

    const forced = await pool.chg(...FORCE)
    expect(forced).toMatchObject({ status: 0, stdout: 'Reinitialized 4 GPUs (IDs 0 to 3)\n' })
    const [, kept = '', count] =
      /^The damaged pool is kept as (\S+); (\d+) usage records taken over\n$/.exec(forced.stderr) ?? []
    expect(kept).toMatch(/\/pool\.db\.damaged-\d{8}T\d{6}Z-\w{6}\/pool\.db$/)
    expect(readFileSync(kept)).toEqual(damaged)
    const records = storedHistory(pool)
    expect(records.filter(({ outcome }) => outcome === 'exited')).toHaveLength(Number(count))
    expect(Number(count)).toBeGreaterThan(how === 'cut' ? 500 : 1_800)
    expect(
      records.filter(({ outcome }) => outcome === 'reset').map(({ reservation, gpu }) => [reservation, gpu]),
    ).toEqual([
      [held[0] ?? '', 0],
      [held[0] ?? '', 1],
    ])
    expect((await pool.chg('admin', '--check')).stdout).toContain('is sound: 4 GPUs, 0 reservations')
    expect((await pool.chg('reserve')).status).toBe(0)
  },
)

test('--force also keeps a file that is not a database', async () => {
  using pool = await testPool(0)
  mkdirSync(`${pool.folder}/pool`)
  writeFileSync(pool.database, 'no database\n'.repeat(1_000))
  expectUnsound(
    await pool.chg('admin', '--check'),
    /is damaged \(file is not a database\)/,
    /only by its owner/,
  )
  const forced = await pool.chg(...FORCE)
  expect(forced).toMatchObject({ status: 0, stdout: 'Initialized 4 GPUs (IDs 0 to 3)\n' })
  expect(forced.stderr).toMatch(/^The damaged pool is kept as \S+; 0 usage records taken over\n$/)
  const { stdout } = await pool.chg('admin', '--gpus', '4', '--force', '--provider', 'fake', '--json')
  expect(JSON.parse(stdout)).toEqual({ result: 'reinitialized', gpus: 4 })
})

test('no record is lost with a damaged index', async () => {
  using pool = await usedPool(2_000)
  const root = withDatabase(pool, (db) =>
    db
      .query<{ rootpage: number }, []>("SELECT rootpage FROM sqlite_schema WHERE name = 'history_by_end'")
      .get(),
  )
  damage(pool, (bytes) => zero(bytes, (root?.rootpage ?? 1) - 1))
  expect((await pool.chg('admin', '--check')).status).toBe(1)
  expect((await pool.chg(...FORCE)).stderr).toMatch(/; 2000 usage records taken over\n$/)
})

test('--force replaces a sound pool and keeps no copy', async () => {
  using pool = await usedPool()
  expect(await pool.chg(...FORCE)).toEqual({
    status: 0,
    stdout: 'Reinitialized 4 GPUs (IDs 0 to 3)\n',
    stderr: '',
  })
  expect(readdirSync(`${pool.folder}/pool`).filter((name) => name.includes('damaged'))).toEqual([])
})

needing('mounts').test('if the disk has no room for a new pool, the damaged one is put back', async () => {
  using pool = await testPool(0)
  const disk = await mountSmallDisk(pool)
  try {
    await pool.chg('admin', '--gpus', '4', '--provider', 'fake')
    damage(pool, (bytes) => zero(bytes, 1))
    await pool.sh(`dd if=/dev/zero of='${disk}/ballast' bs=1k count=4096`)
    const before = readFileSync(pool.database)
    const names = readdirSync(disk).toSorted()
    expect(await pool.chg(...FORCE)).toEqual({
      status: 1,
      stdout: '',
      stderr: expect.stringMatching(/^Error: The disk [^\n]* is full - [^\n]*\n$/),
    })
    expect(readFileSync(pool.database)).toEqual(before)
    expect(readdirSync(disk).toSorted()).toEqual(names)
    rmSync(`${disk}/ballast`)
    expect((await pool.chg(...FORCE)).stderr).toStartWith('The damaged pool is kept as ')
  } finally {
    await pool.sh(`umount '${disk}'`)
  }
})

test('a process that has the damaged pool open grants nothing from it; commands continue', async () => {
  using pool = await testPool(1)
  const job = await startForever(pool)
  const supervisor = await until(
    'the process watches the pool',
    () => supervisorsOf(pool).find(isWatching) ?? null,
  )
  const waiter = await waitToRun(pool, '--gpus', '1')
  damage(pool, (bytes) => zero(bytes, pagesWith(bytes, '"checksum"')[0] ?? 0))
  const forced = await pool.chg('admin', '--gpus', '1', '--force', '--provider', 'fake')
  expect(forced.stderr).toStartWith('The damaged pool is kept as ')
  expect(await waiter.ended()).toBe(125)
  await until('the supervisor has exited', () => hasEnded(supervisor))
  expect(hasEnded(job.pid)).toBe(false)
  expect((await pool.chg('reserve')).status).toBe(0)
})
