import { expect, test } from 'bun:test'
import { chmodSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import type { ErrorCode } from '../../../src/domain/errors.ts'
import { wholeUnits } from '../../../src/domain/pool/units.ts'
import type { CheckedDocument, CreatedDocument } from '../../../src/views/schemas/admin.ts'
import { recordOf } from '../../adapters/store/counting.ts'
import {
  changeStoredPool,
  storedHistory,
  storedPool,
  withDatabase,
  writeHistory,
} from '../../support/database.ts'
import { failureOf } from '../../support/failure.ts'
import { startForever, untilWatched } from '../../support/job.ts'
import { needing } from '../../support/needs.ts'
import { type TestPool, testPool } from '../../support/pool.ts'
import { hasEnded, isWatching, supervisorsOf } from '../../support/processes.ts'
import { mountSmallDisk } from '../../support/small-disk.ts'
import { until } from '../../support/until.ts'
import { waitToRun } from '../../support/waiters.ts'

const PAGE = 4096
const FORCE = ['admin', '--gpus', '4', '--force', '--provider', 'fake']

/** Some reservations, and a history on several pages. */
/** Recent: older records are removed after some time. */
const ENDED_AT = Date.now() - 60_000

async function usedPool(records = 300): Promise<TestPool> {
  const pool = await testPool(4)
  await pool.chg('reserve', '--gpus', '2')
  writeHistory(
    pool,
    Array.from({ length: records }, (_, nth) =>
      recordOf(`old-${nth}`, { startedAt: ENDED_AT - 1_000, endedAt: ENDED_AT }),
    ),
  )
  withDatabase(pool, (db) => db.run('PRAGMA wal_checkpoint(TRUNCATE)'))
  return pool
}

/** Names, contents and times of all files. */
const filesOf = (pool: TestPool) =>
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

type Kind = CheckedDocument['problems'][number]['kind']

const checked = async (pool: TestPool): Promise<CheckedDocument> =>
  JSON.parse((await pool.chg('admin', '--check', '--json')).stdout)

/** `--check` fails with this code and these problems, in order: the kind of each, and facts of its text. */
async function expectUnsound(
  pool: TestPool,
  code: ErrorCode,
  ...problems: (readonly [Kind, RegExp])[]
): Promise<void> {
  const failed = await pool.chg('admin', '--check', '--json')
  expect(failureOf(failed)).toMatchObject({ code, status: 1 })
  const document: CheckedDocument = JSON.parse(failed.stdout)
  expect(document.sound).toBe(false)
  expect(document.problems.map(({ kind }) => kind)).toEqual(problems.map(([kind]) => kind))
  for (const [nth, [, facts]] of problems.entries()) {
    const { what, cure } = document.problems[nth] ?? {}
    expect(`${what} - ${cure}`).toMatch(facts)
  }
}

/** Sets the pool up again. The answer has the place where a damaged pool is kept. */
async function setUpAgain(pool: TestPool): Promise<CreatedDocument> {
  const { status, stdout, stderr } = await pool.chg(...FORCE, '--json')
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
  return JSON.parse(stdout)
}

test('--check of a sound pool prints its contents', async () => {
  using pool = await usedPool()
  const waiter = await waitToRun(pool, '--gpus', '4')
  const before = filesOf(pool)
  const text = await pool.chg('admin', '--check')
  expect(text).toMatchObject({ status: 0, stderr: '' })
  for (const fact of [pool.database, '4 GPUs', '1 reservation,', '1 waiting', '300 usage']) {
    expect(text.stdout).toContain(fact)
  }
  expect(JSON.parse((await pool.chg('admin', '--check', '--json')).stdout)).toEqual({
    ...{ sound: true, path: pool.database, problems: [] },
    ...{ gpus: 4, reservations: 1, waiting: 1, records: 300, driver: { checked: true, gpus: 4 } },
  })
  expect(filesOf(pool)).toEqual(before)
  waiter.process.kill('SIGKILL')
})

test('--check changes nothing if no process has the pool open, with and without a log', async () => {
  using pool = await usedPool()
  // Before the supervisor watches, nobody could wait for its exit.
  const run = async () => {
    const { process } = await startForever(pool)
    await untilWatched(pool)
    process.kill('SIGKILL')
    await until('the supervisor has exited', () => supervisorsOf(pool).length === 0)
  }
  for (const use of [() => pool.chg('status'), run]) {
    await use()
    const before = filesOf(pool).filter(([path]) => !String(path).endsWith('-shm'))
    expect((await pool.chg('admin', '--check')).status).toBe(0)
    expect(filesOf(pool).filter(([path]) => !String(path).endsWith('-shm'))).toEqual(before)
  }
})

test.each(['--gpus=4', '--force', '--provider=fake', '--group=root', '--allocation=lru'])(
  '--check and %s contradict each other',
  async (option) => {
    using pool = await testPool(1)
    const { code, status, message } = failureOf(await pool.chg('admin', '--json', '--check', option))
    expect({ code, status }).toEqual({ code: 'usage', status: 2 })
    for (const flag of ['--check', option.split('=')[0]]) expect(message).toContain(flag ?? '')
  },
)

test('--check fails without a pool; without --check the count is required', async () => {
  using pool = await testPool(0)
  const failed = await pool.chg('admin', '--check', '--json')
  expect(failed.stdout).toBe('')
  expect(failureOf(failed)).toMatchObject({ code: 'pool-not-initialized', status: 1 })
  expect(failureOf(await pool.chg('admin', '--force', '--json'))).toMatchObject({
    ...{ code: 'usage', status: 2 },
    message: expect.stringContaining('--gpus'),
  })
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
  const [held] = storedPool(pool).reservations
  await expectUnsound(
    pool,
    'store-corrupt',
    ['damage', /GPU 1 .*\bother\b.*--force/],
    ['damage', /\bother\b.*GPU 7\b/],
    ['damage', new RegExp(`${held?.id}.*3, 2`)],
    ['damage', new RegExp(`${held?.id}`)],
  )
})

test('--check finds a changed document', async () => {
  using pool = await usedPool()
  withDatabase(pool, (db) => db.run("UPDATE pool SET document = replace(document, 'Fake GPU', 'Real GPU')"))
  await expectUnsound(pool, 'store-corrupt', ['damage', /checksum/])
})

test('--force keeps a changed document and the usage records', async () => {
  using pool = await usedPool()
  const { length } = storedHistory(pool)
  withDatabase(pool, (db) => db.run("UPDATE pool SET document = replace(document, 'Fake GPU', 'Real GPU')"))
  const { damaged } = await setUpAgain(pool)
  expect(damaged?.records).toBe(length)
  withDatabase({ database: damaged?.kept_as ?? '' }, (db) => {
    expect(db.query<{ document: string }, []>('SELECT document FROM pool').get()?.document).toContain(
      'Real GPU',
    )
  })
  expect(storedHistory(pool)).toHaveLength(length)
  expect((await checked(pool)).sound).toBe(true)
})

test('--check finds impossible usage records', async () => {
  using pool = await usedPool()
  writeHistory(pool, [
    recordOf('backwards', { startedAt: 2_000, endedAt: 1_000 }),
    recordOf('nowhere', { unit: '-1' }),
  ])
  await expectUnsound(
    pool,
    'store-corrupt',
    ['damage', /records .*before.*: 1 - /],
    ['damage', /records .*impossible.*: 1 - /],
  )
})

test('--check finds sums that differ from the records, and --force recalculates them', async () => {
  using pool = await usedPool()
  withDatabase(pool, (db) => db.run('UPDATE usage_by_day SET ms = ms + 1'))
  await expectUnsound(pool, 'store-corrupt', ['damage', /sums .*: 1 - /])
  expect((await setUpAgain(pool)).damaged?.records).toBe(300)
  expect((await checked(pool)).sound).toBe(true)
})

test('--check finds files with wrong owner or mode', async () => {
  using pool = await usedPool()
  const { uid, gid } = statSync(pool.database)
  const owner = `${uid}:${gid}`
  chmodSync(`${pool.database}-wake`, 0o600)
  chmodSync(`${pool.database}-wal`, 0o644)
  chmodSync(`${pool.folder}/pool`, 0o777)
  const repair = `'sudo chown ${owner} \\S+ && sudo chmod 666 \\S+'`
  await expectUnsound(
    pool,
    'store-unavailable',
    ['access', new RegExp(`pool\\.db-wal .*owner ${owner}, mode 644.*${repair}`)],
    ['access', /pool\.db-wake .*mode 600/],
    ['access', /\/pool .*mode 777.*'sudo chmod 755 \S+'/],
  )
})

test.each(['zero', 'garbage', 'cut'])(
  'a damaged file (%s): --check reports it, --force keeps it and recovers readable records',
  async (how) => {
    using pool = await usedPool(2_000)
    const held = storedPool(pool).reservations.map(({ id }) => id)
    await pool.chg('drain', '1', '--reason', 'kept')
    damage(pool, (bytes) => {
      const pages = pagesWith(bytes, 'old-')
      expect(pages.length).toBeGreaterThan(20)
      if (how === 'zero') zero(bytes, pages[10] ?? 0)
      if (how === 'garbage') bytes.fill(0x5a, (pages[10] ?? 0) * PAGE, (pages[12] ?? 0) * PAGE)
      if (how === 'cut') bytes.fill(0, bytes.length - 9 * PAGE)
    })
    const damaged = readFileSync(pool.database)
    const found = await pool.chg('admin', '--check', '--json')
    expect(failureOf(found)).toMatchObject({ code: 'store-corrupt', status: 1 })
    expect(found.stdout).toContain("'sudo canhazgpu admin --gpus <count> --force'")
    expect((await pool.chg('admin', '--gpus', '4', '--provider', 'fake')).status).toBe(1)

    const forced = await setUpAgain(pool)
    expect(forced).toMatchObject({ result: 'reinitialized', gpus: 4 })
    const { kept_as: kept = '', records: count } = forced.damaged ?? {}
    expect(kept).toMatch(/\/pool\.db\.damaged-\d{8}T\d{6}Z-\w{6}\/pool\.db$/)
    expect(readFileSync(kept)).toEqual(damaged)
    const records = storedHistory(pool)
    expect(records.filter(({ outcome }) => outcome === 'exited')).toHaveLength(count ?? 0)
    const { changes } = JSON.parse((await pool.chg('policy', '--history', '--json')).stdout)
    const kinds = changes.map(({ change }: { change: string }) => change)
    expect(kinds).toEqual(['set-up', 'drain', 'set-up'])
    expect(count).toBeGreaterThan(how === 'cut' ? 500 : 1_800)
    expect(
      records.filter(({ outcome }) => outcome === 'reset').map(({ reservation, gpu }) => [reservation, gpu]),
    ).toEqual([
      [held[0] ?? '', 0],
      [held[0] ?? '', 1],
    ])
    expect(await checked(pool)).toMatchObject({ sound: true, gpus: 4, reservations: 0 })
    expect((await pool.chg('reserve')).status).toBe(0)
  },
)

test('--force also keeps a file that is not a database', async () => {
  using pool = await testPool(0)
  mkdirSync(`${pool.folder}/pool`)
  writeFileSync(pool.database, 'no database\n'.repeat(1_000))
  await expectUnsound(
    pool,
    'store-corrupt',
    ['damage', /file is not a database/],
    ['access', /pool\.db .*mode \d+.*'sudo chmod 666 \S+'/],
  )
  expect(await setUpAgain(pool)).toMatchObject({
    ...{ result: 'initialized', gpus: 4 },
    damaged: { kept_as: expect.stringContaining('.damaged-'), records: 0 },
  })
  expect(await setUpAgain(pool)).toEqual({ result: 'reinitialized', gpus: 4 })
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
  expect((await setUpAgain(pool)).damaged?.records).toBe(2_000)
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

needing('mounts').test('if the disk has no space for a new pool, the damaged pool is put back', async () => {
  using pool = await testPool(0)
  const disk = await mountSmallDisk(pool)
  try {
    await pool.chg('admin', '--gpus', '4', '--provider', 'fake')
    damage(pool, (bytes) => zero(bytes, 1))
    await pool.sh(`dd if=/dev/zero of='${disk}/ballast' bs=1k count=4096`)
    const before = readFileSync(pool.database)
    const names = readdirSync(disk).toSorted()
    const full = await pool.chg(...FORCE, '--json')
    expect(full.stdout).toBe('')
    expect(failureOf(full)).toMatchObject({
      ...{ code: 'store-unavailable', status: 1 },
      message: expect.stringMatching(/disk.*full/),
    })
    expect(readFileSync(pool.database)).toEqual(before)
    expect(readdirSync(disk).toSorted()).toEqual(names)
    rmSync(`${disk}/ballast`)
    expect((await setUpAgain(pool)).damaged).toBeDefined()
  } finally {
    await pool.sh(`umount '${disk}'`)
  }
})

test('a process with the damaged pool open is granted nothing from it, and running commands continue', async () => {
  using pool = await testPool(1)
  const job = await startForever(pool)
  const supervisor = await until(
    'the process watches the pool',
    () => supervisorsOf(pool).find(isWatching) ?? null,
  )
  const waiter = await waitToRun(pool, '--gpus', '1')
  damage(pool, (bytes) => zero(bytes, pagesWith(bytes, '"checksum"')[0] ?? 0))
  const forced = await pool.chg('admin', '--gpus', '1', '--force', '--provider', 'fake', '--json')
  expect(JSON.parse(forced.stdout)).toMatchObject({ damaged: {} })
  expect(await waiter.ended()).toBe(125)
  await until('the supervisor has exited', () => hasEnded(supervisor))
  expect(hasEnded(job.pid)).toBe(false)
  expect((await pool.chg('reserve')).status).toBe(0)
})
