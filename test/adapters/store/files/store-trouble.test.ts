import { afterAll, beforeAll, expect, test } from 'bun:test'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { currentMoment } from '../../../../src/adapters/kernel/clock.ts'
import { openStore } from '../../../../src/adapters/store/open.ts'
import type { ErrorCode } from '../../../../src/domain/errors.ts'
import { changeStoredPool, storedPool, withDatabase } from '../../../support/database.ts'
import { onlyFailureOf, withJson } from '../../../support/failure.ts'
import { missing, needing } from '../../../support/needs.ts'
import { type Finished, type TestPool, testPool } from '../../../support/pool.ts'
import { mountSmallDisk } from '../../../support/small-disk.ts'
import { newUser, type UnixUser } from '../../../support/unix-users.ts'

const COMMANDS = [['status'], ['reserve'], ['release'], ['report'], ['run', '--', 'true']]

/** The code of an error, and parts of its message and hint. */
interface Wanted {
  readonly code: ErrorCode
  readonly fact?: string
  readonly hint?: string
}

const ADMIN = ['admin', '--gpus', '2', '--provider', 'fake']

/** The command prints one error line and nothing else. */
async function expectRefusal(
  chg: (...command: string[]) => Promise<Finished>,
  command: readonly string[],
  { code, fact = '', hint }: Wanted,
): Promise<void> {
  expect(onlyFailureOf(await chg(...withJson(command)))).toMatchObject({
    code,
    message: expect.stringContaining(fact),
    ...(hint === undefined ? {} : { hint: expect.stringContaining(hint) }),
    status: command[0] === 'run' ? 125 : 1,
  })
}

async function expectAllRefused(pool: TestPool, wanted: Wanted): Promise<void> {
  for (const command of COMMANDS) await expectRefusal(pool.chg, command, wanted)
}

test('commands refuse a file that is not a database, and leave it unchanged', async () => {
  using pool = await testPool(0)
  mkdirSync(`${pool.folder}/pool`)
  writeFileSync(pool.database, 'this is not a database, but it is long enough to look at\n'.repeat(100))
  await expectAllRefused(pool, { code: 'store-corrupt' })
  await expectRefusal(pool.chg, ADMIN, { code: 'store-corrupt' })
  expect(readFileSync(pool.database, 'utf8')).toStartWith('this is not a database')
})

test('commands refuse a database that is overwritten after its header', async () => {
  using pool = await testPool(4)
  withDatabase(pool, (db) => db.run('PRAGMA wal_checkpoint(TRUNCATE)'))
  const bytes = readFileSync(pool.database)
  bytes.fill(0x5a, 100)
  writeFileSync(pool.database, bytes)
  await expectAllRefused(pool, { code: 'store-corrupt' })
})

test('commands refuse a truncated database', async () => {
  using pool = await testPool(4)
  withDatabase(pool, (db) => db.run('PRAGMA wal_checkpoint(TRUNCATE)'))
  truncateSync(pool.database, 4096)
  await expectAllRefused(pool, { code: 'store-corrupt' })
})

test('an empty file counts as a pool that is not set up yet', async () => {
  using pool = await testPool(0)
  mkdirSync(`${pool.folder}/pool`)
  writeFileSync(pool.database, '')
  await expectRefusal(pool.chg, ['status'], { code: 'pool-not-initialized' })
  expect((await pool.chg(...ADMIN)).status).toBe(0)
  expect((await pool.chg('reserve')).status).toBe(0)
})

test('commands refuse a folder at the path of the database', async () => {
  using pool = await testPool(0)
  mkdirSync(pool.database, { recursive: true })
  await expectAllRefused(pool, { code: 'store-unavailable', fact: `${pool.database} cannot be opened` })
})

test('a schema from a newer release stays unchanged', async () => {
  using pool = await testPool(4)
  withDatabase(pool, (db) => db.run('PRAGMA user_version = 999'))
  await expectAllRefused(pool, { code: 'store-too-new', fact: 'schema version 999', hint: 'upgrade' })
  await expectRefusal(pool.chg, [...ADMIN, '--force'], { code: 'store-too-new' })
  expect(storedPool(pool).units).toHaveLength(4)
})

test('a document from a newer release stays unchanged', async () => {
  using pool = await testPool(4)
  changeStoredPool(pool, (document) => ({ ...document, version: 999, units: 'in the cloud' }))
  await expectAllRefused(pool, { code: 'store-too-new', fact: 'document version 999', hint: 'upgrade' })
})

test.each([
  ['not JSON', '{"version": 1, '],
  ['no version', '{}'],
  ['a string', '"pool"'],
  ['a version that is not a number', '{"version": "1"}'],
  ['a version before the first', '{"version": 0}'],
  ['a missing part', '{"version": 2, "host": "x", "provider": "fake", "units": []}'],
  ['a missing part of an older version', '{"version": 1, "host": "x", "provider": "fake", "gpus": []}'],
])('commands refuse a damaged document: %s', async (_, document) => {
  using pool = await testPool(2)
  withDatabase(pool, (db) => db.query('UPDATE pool SET document = ?').run(document))
  await expectAllRefused(pool, { code: 'store-corrupt' })
})

test('an administrator can replace a pool with a damaged document', async () => {
  using pool = await testPool(2)
  withDatabase(pool, (db) => db.query('UPDATE pool SET document = ?').run('{}'))
  const { status, stdout } = await pool.chg(...ADMIN, '--force')
  expect({ status, stdout }).toEqual({ status: 0, stdout: 'Initialized 2 GPUs (IDs 0 to 1)\n' })
  expect((await pool.chg('reserve')).status).toBe(0)
})

needing('sqlite3').test('the state can be read with the sqlite3 shell', async () => {
  using pool = await testPool(3)
  await pool.chg('reserve', '--gpus', '2', '--duration', '1h')
  await pool.chg('run', '--', 'true')
  await pool.status()
  const shell = async (query: string) =>
    (await pool.sh(`sqlite3 -cmd '.timeout 10000' '${pool.database}' '${query}'`)).stdout
  expect(await shell('SELECT gpu, name, uuid, held_by IS NULL FROM gpus')).toBe(
    '0|Fake GPU|GPU-fake-0|0\n1|Fake GPU|GPU-fake-1|0\n2|Fake GPU|GPU-fake-2|1\n',
  )
  expect(await shell('SELECT gpus, kind, expires_utc > started_utc, pid IS NULL FROM reservations')).toBe(
    '[0,1]|manual|1|1\n',
  )
  expect(await shell('SELECT count(*) FROM queue')).toBe('0\n')
  expect(await shell('SELECT gpu, kind, outcome FROM history')).toBe('2|run|exited\n')
  // The shell removes the log when it exits. Commands still work.
  expect((await pool.chg('reserve')).stdout).toStartWith('Reserved 1 GPU(s): [2]')
})

// These tests need a user to whom the kernel refuses access. Root is not such a user.
const withUser = needing('users')
let reader: UnixUser
/** Runs a command as this user. */
const asReader =
  (pool: TestPool) =>
  (...command: string[]): Promise<Finished> =>
    reader.chg(pool, ...command)
beforeAll(async () => {
  if (missing('users') === null) reader = await newUser('reader')
})
afterAll(async () => {
  if (missing('users') === null) await reader.remove()
})

withUser.test('a user who may only read the database can show it but not change it', async () => {
  using pool = await testPool(2)
  await pool.chg('reserve', '--duration', '1h')
  chmodSync(pool.folder, 0o755)
  chmodSync(`${pool.folder}/pool`, 0o755)
  for (const ending of ['', '-wal', '-shm']) chmodSync(pool.database + ending, 0o644)
  const before = storedPool(pool)
  for (const command of [['reserve'], ['run', '--', 'true']]) {
    await expectRefusal(asReader(pool), command, { code: 'store-unavailable', fact: 'read-only' })
  }
  expect((await reader.chg(pool, 'status')).stdout).toContain('GPU 0: IN USE by')
  expect(storedPool(pool)).toEqual(before)
})

withUser.test(
  'a user who may only read a database of an earlier release cannot use it until another user has upgraded it',
  async () => {
    using pool = await testPool(0)
    mkdirSync(`${pool.folder}/pool`)
    const database = readFileSync(new URL('../../../fixtures/pool-v3.db', import.meta.url))
    writeFileSync(pool.database, database)
    for (const folder of [pool.folder, `${pool.folder}/pool`]) chmodSync(folder, 0o755)
    // Creates the files of the log.
    withDatabase(pool, (db) => db.run('BEGIN IMMEDIATE; COMMIT'))
    for (const ending of ['', '-wal', '-shm']) chmodSync(pool.database + ending, 0o644)
    await expectRefusal(asReader(pool), ['report'], { code: 'store-too-old', fact: 'read-only' })
    const opened = openStore(`sqlite://${pool.database}`, currentMoment, { upgrades: false })
    expect(await opened.catch(({ code }) => code)).toBe('store-too-old')
    expect(withDatabase(pool, (db) => db.query('PRAGMA user_version').get())).toEqual({ user_version: 3 })
    const shown = await pool.chg('report')
    expect(shown).toMatchObject({ status: 0, stderr: '' })
    const { stdout } = await reader.chg(pool, 'report')
    expect(stdout).toContain('Total reservations')
    expect(stdout).toBe(shown.stdout)
  },
)

withUser.test('commands refuse a pool in a folder that is closed to the user', async () => {
  using pool = await testPool(2)
  chmodSync(pool.folder, 0o755)
  chmodSync(`${pool.folder}/pool`, 0o700)
  for (const command of COMMANDS) {
    await expectRefusal(asReader(pool), command, { code: 'permission-denied', fact: pool.database })
  }
})

withUser.test('no pool can be set up without write permission', async () => {
  using pool = await testPool(0)
  chmodSync(pool.folder, 0o755)
  await expectRefusal(asReader(pool), ADMIN, { code: 'permission-denied', fact: pool.database })
  expect(existsSync(`${pool.folder}/pool`)).toBe(false)
})

needing('mounts').test(
  'with a full disk a change fails in one line and leaves the pool unchanged, and later succeeds with free space',
  async () => {
    using pool = await testPool(0)
    const disk = await mountSmallDisk(pool)
    try {
      expect((await pool.chg('admin', '--gpus', '8', '--provider', 'fake')).status).toBe(0)
      await pool.chg('reserve')
      await pool.sh(`dd if=/dev/zero of='${disk}/ballast' bs=1k count=4096`)
      const before = storedPool(pool)
      let refused = await pool.chg('reserve', '--json')
      // A few more commits may fit into the free space of the log.
      for (let i = 0; i < 200 && refused.status === 0; i++) {
        await pool.chg('release')
        refused = await pool.chg('reserve', '--json')
      }
      expect(onlyFailureOf(refused)).toMatchObject({
        ...{ code: 'store-unavailable', message: expect.stringContaining('full'), status: 1 },
      })
      expect((await pool.chg('status')).stdout).toContain('GPU 7: AVAILABLE')
      rmSync(`${disk}/ballast`)
      expect((await pool.chg('reserve')).status).toBe(0)
      expect(storedPool(pool).units).toEqual(before.units.map(({ id }) => expect.objectContaining({ id })))
    } finally {
      await pool.sh(`umount '${disk}'`)
    }
  },
)

needing('mounts').test('commands that write refuse a disk that is mounted read-only', async () => {
  using pool = await testPool(0)
  const disk = `${pool.folder}/pool`
  mkdirSync(disk)
  await pool.sh(`mount -t tmpfs -o size=4m tmpfs '${disk}'`)
  try {
    await pool.chg(...ADMIN)
    expect((await pool.sh(`mount -o remount,ro '${disk}'`)).status).toBe(0)
    for (const command of [['reserve'], ['run', '--', 'true']]) {
      await expectRefusal(pool.chg, command, { code: 'store-unavailable', fact: 'read-only' })
    }
    expect(statSync(pool.database).size).toBeGreaterThan(0)
  } finally {
    await pool.sh(`umount '${disk}'`)
  }
})
