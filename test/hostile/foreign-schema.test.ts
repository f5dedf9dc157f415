import { Database } from 'bun:sqlite'
import { expect, test } from 'bun:test'
import { existsSync, readFileSync } from 'node:fs'
import { recordOf } from '../adapters/store/counting.ts'
import { problemsIn } from '../support/checkup.ts'
import { storedHistory, storedPool, withDatabase, writeHistory } from '../support/database.ts'
import { failureOf, onlyFailureOf, withJson } from '../support/failure.ts'
import { needing } from '../support/needs.ts'
import { type TestPool, testPool } from '../support/pool.ts'

const COMMANDS = [['status'], ['reserve'], ['release'], ['queue'], ['report'], ['run', '--', 'true']]
const ENDLESS = 'WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n'
/** A query that takes hours for one row. */
const SLOW = Array.from({ length: 200 }, (_, nth) => `length(hex(zeroblob(${100_000_000 + nth})))`).join(
  ' + ',
)

/** The name of each foreign object in a message, and the statements that create it. */
const FOREIGN: readonly (readonly [name: string, statements: string])[] = [
  ['foreign trigger slow', `CREATE TRIGGER slow AFTER INSERT ON pool BEGIN ${ENDLESS}; END`],
  ['foreign trigger slow', `CREATE TRIGGER slow AFTER INSERT ON history BEGIN ${ENDLESS}; END`],
  ['foreign trigger slow', `CREATE TRIGGER slow INSTEAD OF INSERT ON gpus BEGIN ${ENDLESS}; END`],
  ['foreign view slow', `CREATE VIEW slow AS ${ENDLESS}`],
  ['foreign table slow', `CREATE TABLE slow(a, b AS (${SLOW}))`],
  [
    'foreign table slow',
    `CREATE TABLE slow(a INTEGER PRIMARY KEY AUTOINCREMENT); INSERT INTO slow VALUES (1)`,
  ],
  ['foreign index slow', `CREATE INDEX slow ON history (uid, host)`],
  ['foreign index slow', `CREATE INDEX slow ON history (length(host)) WHERE ended_at < 0`],
  ['foreign table slow', `CREATE VIRTUAL TABLE slow USING fts5(a)`],
  ['changed view gpus', `DROP VIEW gpus; CREATE VIEW gpus AS ${ENDLESS}`],
  [
    'changed index history_by_end',
    'DROP INDEX history_by_end; CREATE INDEX history_by_end ON history (length(host))',
  ],
  // A trigger of earlier releases: records would count twice.
  [
    'foreign trigger history_adds_up',
    `CREATE TRIGGER history_adds_up AFTER INSERT ON history BEGIN ${ENDLESS}; END`,
  ],
  ['missing view queue', 'DROP VIEW queue'],
  ['missing index history_by_end', 'DROP INDEX history_by_end'],
  ['foreign view "it\'s; --"', `CREATE VIEW """it's; --""" AS SELECT 1`],
]

async function usedPool(): Promise<TestPool> {
  const pool = await testPool(2)
  await pool.chg('reserve')
  writeHistory(pool, [recordOf('old')])
  return pool
}

const execute = (pool: TestPool, statements: string): void =>
  withDatabase(pool, (db) => void db.run(statements))

test.each(FOREIGN)(
  'commands fail and name the %s, and the next admin command removes it: %s',
  async (name, statements) => {
    using pool = await usedPool()
    const [before, history] = [storedPool(pool), storedHistory(pool)]
    execute(pool, statements)
    for (const command of COMMANDS) {
      const failure = onlyFailureOf(await pool.chg(...withJson(command)))
      expect(failure).toMatchObject({
        code: 'store-foreign',
        hint: expect.stringContaining("'sudo canhazgpu admin'"),
        status: command[0] === 'run' ? 125 : 1,
      })
      expect(failure.message).toContain(pool.database)
      expect(failure.message).toContain(name)
    }
    expect(await problemsIn(pool)).toContainEqual({
      kind: 'foreign',
      what: expect.stringContaining(`${name} in ${pool.database}`),
      cure: expect.stringContaining("'sudo canhazgpu admin'"),
    })
    expect((await pool.chg('status')).status).toBe(1)

    const again = await pool.chg('admin', '--gpus', '2', '--provider', 'fake', '--json')
    expect(onlyFailureOf(again)).toMatchObject({ code: 'pool-already-initialized', status: 1 })
    expect(storedPool(pool)).toEqual(before)
    expect(storedHistory(pool)).toEqual(history)
    expect(await problemsIn(pool)).toEqual([])
    expect((await pool.chg('run', '--', 'true')).status).toBe(0)
  },
)

test('--force removes a foreign object too, and replaces the pool like a sound one', async () => {
  using pool = await usedPool()
  execute(pool, `CREATE TRIGGER slow AFTER INSERT ON pool BEGIN ${ENDLESS}; END`)
  expect(await pool.chg('admin', '--gpus', '2', '--provider', 'fake', '--force')).toEqual({
    status: 0,
    stdout: 'Reinitialized 2 GPUs (IDs 0 to 1)\n',
    stderr: '',
  })
  expect(await problemsIn(pool)).toEqual([])
})

test.each([{ words: ['--show'] }, { words: ['--refresh'] }, { words: ['--memory-threshold', '512'] }])(
  'admin $words removes a foreign object too',
  async ({ words }) => {
    using pool = await usedPool()
    const before = storedPool(pool)
    execute(pool, `CREATE TRIGGER slow AFTER INSERT ON pool BEGIN ${ENDLESS}; END`)
    expect(await pool.chg('admin', ...words)).toMatchObject({ status: 0, stderr: '' })
    expect(storedPool(pool).reservations).toEqual(before.reservations)
    expect(await problemsIn(pool)).toEqual([])
  },
)

test('a waiter and a supervisor exit, and the command continues', async () => {
  using pool = await testPool(1)
  await pool.sh('mkfifo go')
  const job = pool.sh('exec "$CHG" run -- sh -c "echo started; read _ < go" 2> messages')
  while (storedPool(pool).reservations.length === 0) await Bun.sleep(5)
  execute(pool, `CREATE TRIGGER slow AFTER INSERT ON pool BEGIN ${ENDLESS}; END`)
  const waiting = failureOf(await pool.chg('reserve', '--json', '--wait'))
  expect(waiting).toMatchObject({ code: 'store-foreign', message: expect.stringContaining('trigger slow') })
  await pool.chg('admin', '--gpus', '1', '--provider', 'fake')
  await pool.sh('echo > go')
  expect((await job).status).toBe(0)
  expect((await pool.chg('reserve', '--wait', '20s')).status).toBe(0)
})

test('statistics of ANALYZE are not foreign objects', async () => {
  using pool = await usedPool()
  execute(pool, 'ANALYZE')
  expect((await pool.chg('status')).status).toBe(0)
  expect(await problemsIn(pool)).toEqual([])
})

const TABLES: readonly (readonly [what: string, statements: string])[] = [
  ['a changed table of the pool', `DELETE FROM pool; ALTER TABLE pool ADD COLUMN slow INTEGER AS (${SLOW})`],
  ['a missing table of the pool', 'DROP TABLE usage_by_day'],
  ['a pool that is a view', `DROP TABLE pool; CREATE VIEW pool AS ${ENDLESS}`],
  ['a history that is a view', `ALTER TABLE history RENAME TO old; CREATE VIEW history AS ${ENDLESS}`],
  ['a schema with version 0', 'PRAGMA user_version = 0'],
]

test('admin repairs a schema with too low a version, and keeps the reservations', async () => {
  using pool = await usedPool()
  const before = storedPool(pool)
  execute(pool, 'PRAGMA user_version = 1')
  expect(onlyFailureOf(await pool.chg('status', '--json'))).toMatchObject({
    ...{ code: 'store-foreign', message: expect.stringContaining('foreign table ') },
  })
  await pool.chg('admin', '--gpus', '2', '--provider', 'fake')
  expect(storedPool(pool)).toEqual(before)
  expect(await problemsIn(pool)).toEqual([])
})

test.each(TABLES)(
  '%s is damage: nothing in it is executed, and --force creates a new pool',
  async (_, statements) => {
    using pool = await usedPool()
    execute(pool, statements)
    for (const command of [...COMMANDS, ['admin', '--gpus', '2', '--provider', 'fake']]) {
      expect(onlyFailureOf(await pool.chg(...withJson(command)))).toMatchObject({
        code: 'store-corrupt',
        status: command[0] === 'run' ? 125 : 1,
      })
    }
    expect(await problemsIn(pool)).not.toEqual([])
    const forced = await pool.chg('admin', '--gpus', '2', '--provider', 'fake', '--force', '--json')
    expect(forced).toMatchObject({ status: 0, stderr: '' })
    expect(existsSync(JSON.parse(forced.stdout).damaged.kept_as)).toBe(true)
    expect(await problemsIn(pool)).toEqual([])
  },
)

needing('sqlite3').test(
  'commands refuse schema rows that SQLite would not write, and do not crash',
  async () => {
    const schemas = [
      "UPDATE sqlite_master SET sql = 'CREATE TABLE pool(one, turns, document AS (1))' WHERE name = 'pool'",
      "UPDATE sqlite_master SET sql = 'nonsense' WHERE name = 'pool'",
      "UPDATE sqlite_master SET sql = NULL WHERE name = 'pool'",
      "UPDATE sqlite_master SET sql = x'00ff' WHERE name = 'gpus'",
      "UPDATE sqlite_master SET rootpage = 99999 WHERE name = 'pool'",
      "UPDATE sqlite_master SET rootpage = 'x' WHERE name = 'history'",
      "UPDATE sqlite_master SET name = 'sqlite_master' WHERE name = 'gpus'",
      "INSERT INTO sqlite_master VALUES ('view', 'sqlite_schema', 'sqlite_schema', 0, 'CREATE VIEW sqlite_schema AS SELECT 1')",
      "INSERT INTO sqlite_master VALUES ('trigger', 'slow', 'pool', 0, 'CREATE TRIGGER slow AFTER INSERT ON pool BEGIN SELECT 1; END')",
      "INSERT INTO sqlite_master SELECT * FROM sqlite_master WHERE name = 'gpus'",
      "UPDATE sqlite_master SET type = 'view' WHERE name = 'pool'",
      'DELETE FROM sqlite_master',
    ]
    for (const schema of schemas) {
      using pool = await usedPool()
      const script = `.dbconfig defensive off\nPRAGMA writable_schema = ON;\n${schema};\n`
      await Bun.write(`${pool.folder}/script`, script)
      await pool.sh(`sqlite3 '${pool.database}' < script`)
      for (const command of COMMANDS) {
        const refused = await pool.chg(...command)
        expect(refused.stderr, schema).toMatch(/^Error: [^\n]+\n$/)
        expect(refused.stderr, schema).not.toMatch(/internal|\.ts:/)
        expect(refused.status, schema).toBe(command[0] === 'run' ? 125 : 1)
      }
      expect(await problemsIn(pool), schema).not.toEqual([])
      const forced = await pool.chg('admin', '--gpus', '2', '--provider', 'fake', '--force')
      expect(forced.status, `${schema}: ${forced.stderr}`).toBe(0)
      expect(await problemsIn(pool), schema).toEqual([])
    }
  },
)

needing('sqlite3').test('the type of a foreign object is never executed as SQL', async () => {
  using pool = await usedPool()
  const type = `view IF EXISTS main.x; COMMIT; VACUUM INTO '${pool.folder}/copy'; BEGIN; DROP view`
  const script = `.dbconfig defensive off
PRAGMA writable_schema = ON;
INSERT INTO sqlite_master SELECT '${type.replaceAll("'", "''")}', name, tbl_name, rootpage, NULL
  FROM sqlite_master WHERE name = 'history_by_end';
`
  await Bun.write(`${pool.folder}/script`, script)
  await pool.sh(`sqlite3 '${pool.database}' < script`)
  for (const command of [['status'], ['admin', '--gpus', '2', '--provider', 'fake']]) {
    expect(onlyFailureOf(await pool.chg(...withJson(command)))).toMatchObject({
      ...{ code: 'store-corrupt', message: expect.stringContaining('foreign view '), status: 1 },
    })
  }
  const forced = await pool.chg('admin', '--gpus', '2', '--provider', 'fake', '--force', '--json')
  expect(existsSync(JSON.parse(forced.stdout).damaged.kept_as)).toBe(true)
  expect(existsSync(`${pool.folder}/copy`)).toBe(false)
  expect(await problemsIn(pool)).toEqual([])
})

test('an upgrade does not execute foreign objects of an old schema', async () => {
  using pool = await testPool(0)
  await pool.sh('mkdir pool')
  await Bun.write(pool.database, readFileSync(new URL('../fixtures/pool-v1.db', import.meta.url)))
  const db = new Database(pool.database)
  db.run(`CREATE TRIGGER slow AFTER UPDATE ON pool BEGIN ${ENDLESS}; END`)
  db.run('DROP VIEW queue')
  db.run(`CREATE VIEW queue AS ${ENDLESS}`)
  db.close()
  expect(onlyFailureOf(await pool.chg('status', '--json'))).toMatchObject({
    code: 'store-foreign',
    message: expect.stringContaining('foreign trigger slow, changed view queue'),
  })
  await pool.chg('admin', '--gpus', '4', '--provider', 'fake')
  expect((await pool.chg('report')).stderr).toBe('')
  expect(JSON.stringify(await problemsIn(pool))).not.toContain('slow')
})

/** Changes the stored document and writes a correct checksum. */
function forge(
  pool: TestPool,
  version: number,
  change: (content: { reservations: object[]; units: object[] }) => object,
): void {
  withDatabase(pool, (db) => {
    const row = db.query<{ document: string }, []>('SELECT document FROM pool').get()
    const { checksum: _, version: __, ...content } = JSON.parse(row?.document ?? '')
    const body = JSON.stringify(change(content))
    const checksum = Bun.hash.xxHash64(body).toString(16)
    const document = `{"version":${version},"checksum":"${checksum}",${body.slice(1)}`
    db.query('UPDATE pool SET document = ?').run(document)
  })
}

async function expectWrongValue(pool: TestPool, place: string): Promise<void> {
  for (const command of COMMANDS) {
    expect(onlyFailureOf(await pool.chg(...withJson(command)))).toMatchObject({
      code: 'store-corrupt',
      message: expect.stringContaining(place),
      status: command[0] === 'run' ? 125 : 1,
    })
  }
}

test('no GPU is granted from a document with a correct checksum and invalid content', async () => {
  using pool = await usedPool()
  const holdings = [{ unit: '-1', share: { kind: 'whole' } }]
  forge(pool, 2, (content) => ({ ...content, reservations: [{ ...content.reservations[0], holdings }] }))
  await expectWrongValue(pool, 'reservations.0.holdings.0.unit')
})

test('a reserved part of a GPU is damage that --force removes: the history cannot record its use', async () => {
  using pool = await usedPool()
  forge(pool, 2, (content) => {
    const [held] = content.reservations
    const unit = { id: '1.0', device: { uuid: 'MIG', name: 'part' }, shape: { kind: 'mig', profile: '1g' } }
    const holdings = [{ unit: '1.0', share: { kind: 'whole' } }]
    const term = { kind: 'booking', from: 0, until: 1 }
    return { ...content, units: [...content.units, unit], reservations: [{ ...held, holdings, term }] }
  })
  for (const command of COMMANDS) {
    expect(onlyFailureOf(await pool.chg(...withJson(command)))).toMatchObject({
      ...{ code: 'store-corrupt', message: expect.stringContaining('unit 1.0') },
    })
  }
  expect(await problemsIn(pool)).toMatchObject([
    { kind: 'damage', what: expect.stringContaining('unit 1.0') },
  ])
  const forced = await pool.chg('admin', '--gpus', '2', '--provider', 'fake', '--force', '--json')
  expect(forced.status).toBe(0)
  expect(existsSync(JSON.parse(forced.stdout).damaged.kept_as)).toBe(true)
})

test('no GPU is granted from an earlier version’s document with a correct checksum and invalid content', async () => {
  using pool = await testPool(0)
  await pool.sh('mkdir pool')
  await Bun.write(pool.database, readFileSync(new URL('../fixtures/pool-v3.db', import.meta.url)))
  forge(pool, 1, (content) => ({ ...content, reservations: [{ ...content.reservations[0], gpus: [-1] }] }))
  const problems = await problemsIn(pool)
  expect(problems).toContainEqual(
    expect.objectContaining({ kind: 'damage', what: expect.stringContaining('reservations.0.gpus.0') }),
  )
  await expectWrongValue(pool, 'reservations.0.gpus.0')
  expect(await problemsIn(pool)).toEqual(problems)
})
