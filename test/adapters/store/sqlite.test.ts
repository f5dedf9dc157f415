import { Database } from 'bun:sqlite'
import { expect, test } from 'bun:test'
import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import fc from 'fast-check'
import { currentMoment } from '../../../src/adapters/kernel/clock.ts'
import { close } from '../../../src/adapters/kernel/libc/descriptors.ts'
import { currentProcess } from '../../../src/adapters/kernel/processes.ts'
import { waitFor, watchProcess } from '../../../src/adapters/kernel/wait.ts'
import { poolChanges, wakeFile, watchChanges } from '../../../src/adapters/store/changes.ts'
import { addLog } from '../../../src/adapters/store/files/create.ts'
import { setAsideDamaged } from '../../../src/adapters/store/files/set-aside.ts'
import { rowOfRecord } from '../../../src/adapters/store/history/history-rows.ts'
import { openStore } from '../../../src/adapters/store/open.ts'
import { checkUp } from '../../../src/adapters/store/schema/checkup.ts'
import { MIGRATIONS } from '../../../src/adapters/store/schema/migrations.ts'
import { createSqliteStore, openSqliteStore } from '../../../src/adapters/store/sqlite.ts'
import type { UsageRecord } from '../../../src/domain/pool/model.ts'
import { needing } from '../../support/needs.ts'
import { until } from '../../support/until.ts'
import { auditOf, COUNTING_POOL, counting, countOf, recordOf } from './counting.ts'
import { anyRange, anyRecords, expectUsage } from './random-usage.ts'
import { killHanging, type SharedPlace, sharedStoreContract, startWorker } from './shared-store-contract.ts'
import { everything, storeContract, tickingClock } from './store-contract.ts'

interface SqlitePlace extends SharedPlace {
  readonly path: string
}

function newPlace(): SqlitePlace {
  const folder = mkdtempSync(join(tmpdir(), 'canhazgpu-store-'))
  const path = `${folder}/pool/pool.db`
  return {
    path,
    url: `sqlite://${path}`,
    create: (now) => createSqliteStore({ path, now }, { kind: 'everyone' }),
    open: (now) => openSqliteStore({ path, now }),
    [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }),
  }
}

storeContract('the embedded store', newPlace)
sharedStoreContract('the embedded store', newPlace)

test('a backup without a log gets one once, even if two processes find it', async () => {
  using place = newPlace()
  const now = tickingClock()
  const created = await place.create(now)
  await created.update({ create: () => ({ pool: COUNTING_POOL, records: [], wake: [], answer: undefined }) })
  created.close()
  const backup = `${place.path}.backup`
  const db = new Database(place.path)
  db.query('VACUUM INTO ?').run(backup)
  db.close()
  for (const ending of ['-wal', '-shm']) rmSync(place.path + ending, { force: true })
  renameSync(backup, place.path)
  await addLog(place.path)
  const store = await place.open(now)
  await store.update(counting('first'))
  await addLog(place.path)
  expect(countOf((await store.load()).pool)).toBe(1)
  store.close()
})

async function initialized(place: SharedPlace) {
  const store = await place.create(tickingClock())
  await store.update({ create: () => ({ pool: COUNTING_POOL, records: [], wake: [], answer: undefined }) })
  return store
}

test('a process killed while it holds the lock leaves nothing behind', async () => {
  using place = newPlace()
  const store = await initialized(place)
  // The first decision is made on a snapshot, the second under the lock.
  await killHanging(place.url, 2)
  expect(await store.update(counting('after'))).toBe(2)
  expect(await store.history(everything)).toEqual([recordOf('overtaking'), recordOf('after')])
  store.close()
})

test.each([
  { passing: 1, asked: 1 },
  { passing: 1_000, asked: 2 },
])(
  'a decision is made $asked time(s) if $passing ms pass before it is written',
  async ({ passing, asked }) => {
    using place = newPlace()
    ;(await initialized(place)).close()
    let ms = 0
    const store = await place.open(() => {
      ms += passing
      return { wall: ms, steady: { epoch: 'test', ms } }
    })
    const moments: number[] = []
    await store.update((pool, moment) => {
      moments.push(moment.wall)
      return counting('one')(pool, moment)
    })
    expect(moments).toHaveLength(asked)
    // The pool has the time of the decision that was written.
    expect((await store.load()).pool.writtenAt.wall).toBe(moments.at(-1) ?? 0)
    store.close()
  },
)

test('an update that changes nothing writes nothing', async () => {
  using place = newPlace()
  const store = await initialized(place)
  const watcher = new Database(place.path, { readonly: true })
  const version = () => watcher.query<{ data_version: number }, []>('PRAGMA data_version').get()?.data_version
  const before = version()
  await store.update((pool) => ({ pool, records: [], wake: [], answer: undefined }))
  expect(version()).toBe(before as number)
  await store.update(counting('one'))
  expect(version()).not.toBe(before as number)
  watcher.close()
  store.close()
})

test('a reader wakes no watcher: readers that wake each other would never stop', async () => {
  using place = newPlace()
  const store = await initialized(place)
  store.close()
  const watch = watchChanges(place.path)
  const ours = watchProcess(currentProcess())
  expect(watch).not.toBeNull()
  for (const verb of ['read', 'read', 'read']) await startWorker(verb, place.url, verb).exited
  expect(waitFor({ process: ours, watch }, 0)).toBe('timeout')
  await startWorker('count', place.url, 'one').exited
  expect(waitFor({ process: ours, watch }, 0)).toBe('changed')
  close(watch ?? -1)
})

needing('strace').test('commits are synced to the disk before they are announced', async () => {
  using place = newPlace()
  const store = await initialized(place)
  store.close()
  const script = `
    const { openStore } = await import('${import.meta.resolve('../../../src/adapters/store/open.ts')}')
    const { currentMoment } = await import('${import.meta.resolve('../../../src/adapters/kernel/clock.ts')}')
    const { counting } = await import('${import.meta.resolve('./counting.ts')}')
    const store = await openStore('${place.url}', currentMoment)
    await store.update(counting('one'))
    store.close()`
  const traced = Bun.spawn(
    ['strace', '-f', '-y', '-e', 'trace=fsync,fdatasync', process.execPath, '-e', script],
    {
      stdout: 'ignore',
      stderr: 'pipe',
    },
  )
  const syncs = await new Response(traced.stderr).text()
  expect(syncs).toMatch(/f(data)?sync\(\d+<[^>]*pool\.db-wal>\)\s+= 0/)
})

test('a store without a database is not initialized, with or without its folder', async () => {
  using place = newPlace()
  expect(openStore(place.url, currentMoment)).rejects.toMatchObject({ code: 'pool-not-initialized' })
  expect(openStore('sqlite:///nowhere/at/all/pool.db', currentMoment)).rejects.toMatchObject({
    code: 'pool-not-initialized',
  })
})

test.each([
  'pool.db',
  'sqlite://pool.db',
  'sqlite:///',
  'sqlite:///folder/',
  'postgres://x/y',
  'file:///x',
  '',
])('%p is not the URL of a store', (url) => {
  expect(openStore(url, currentMoment)).rejects.toMatchObject({ code: 'config-invalid' })
})

/** Pools as releases wrote them, by schema version. Each must load for ever. */
const FIXTURES = ['v1', 'v3', 'v4']

const fixture = (name: string, ending: string) =>
  Bun.file(new URL(`../../fixtures/pool-${name}.${ending}`, import.meta.url))

test.each(FIXTURES)('the pool %s loads, and can be updated', async (name) => {
  using place = newPlace()
  await Bun.write(place.path, fixture(name, 'db'))
  const expected = await fixture(name, 'json').json()
  const store = await openStore(place.url, currentMoment)
  expect((await store.load()).pool).toEqual(expected.pool)
  expect(await store.history(everything)).toEqual(expected.history)
  await expectUsage(store, expected.history, [])

  expect(await store.update(counting('later'))).toBe(countOf(expected.pool) + 1)
  const { writtenAt: _, units: __, ...rest } = (await store.load()).pool
  expect(expected.pool).toMatchObject(rest)
  expect(await store.history(everything)).toHaveLength(expected.history.length + 1)
  store.close()
})

test.each(FIXTURES)('the pool %s records changes from its upgrade on', async (name) => {
  using place = newPlace()
  await Bun.write(place.path, fixture(name, 'db'))
  const store = await openStore(place.url, currentMoment)
  expect(await store.audit(10)).toEqual([])
  await store.update((pool, moment) => ({ ...counting('later')(pool, moment), audit: [auditOf('first')] }))
  expect(await store.audit(10)).toEqual([auditOf('first')])
  store.close()
})

test('a record of a change that somebody edited is left out and counted, and damages nothing', async () => {
  using place = newPlace()
  const store = await place.create(currentMoment)
  await store.update({
    create: () => ({
      ...{ pool: COUNTING_POOL, records: [], wake: [], answer: undefined },
      audit: ['one', 'two', 'three', 'four'].map(auditOf),
    }),
  })
  store.close()
  const db = new Database(place.path)
  db.run("UPDATE audit SET change = 'nonsense' WHERE change LIKE '%two%'")
  db.run(`UPDATE audit SET change = replace(change, 'drain', 'dance') WHERE change LIKE '%four%'`)
  db.run(`UPDATE audit SET at = ${Number.MAX_SAFE_INTEGER} WHERE change LIKE '%one%'`)
  db.close()
  const again = await openStore(place.url, currentMoment)
  expect(await again.audit(10)).toEqual([auditOf('three'), { ...auditOf('one'), at: 8.64e15 }])
  again.close()
  const { problems, counts } = await checkUp(place.path)
  expect(problems.filter(({ kind }) => kind === 'damage')).toEqual([])
  expect(counts).toMatchObject({ unreadableChanges: 2 })
})

test.each(FIXTURES)('the views of the pool %s show the same before and after its upgrade', async (name) => {
  using place = newPlace()
  await Bun.write(place.path, fixture(name, 'db'))
  const shown = () => {
    const db = new Database(place.path)
    const rows = ['gpus', 'reservations', 'queue'].flatMap((view) => db.query(`SELECT * FROM ${view}`).all())
    const { user_version } = db.query<{ user_version: number }, []>('PRAGMA user_version').get() ?? {}
    db.close()
    // Version 1 writes the ids in a request as numbers.
    const text = JSON.stringify(rows).replace('[1,3]', '[\\"1\\",\\"3\\"]')
    return { version: user_version, text: text.replace('[5,10]', '[\\"5\\",\\"10\\"]') }
  }
  const before = shown()
  ;(await openStore(place.url, currentMoment)).close()
  expect(shown()).toEqual({ version: MIGRATIONS.length, text: before.text })
  expect(before).toMatchObject({
    version: Number(name.slice(1)),
    text: expect.stringMatching(/"held_by":"alice".*"pid":\d+.*"position":1/),
  })
})

test.each(FIXTURES)('checking the pool %s does not upgrade it', async (name) => {
  using place = newPlace()
  await Bun.write(place.path, fixture(name, 'db'))
  const { pool, history } = await fixture(name, 'json').json()
  const { problems, ...checked } = await checkUp(place.path)
  expect(problems.filter(({ kind }) => kind !== 'access')).toEqual([])
  expect(checked).toMatchObject({ pool, counts: { waiting: pool.queue.length, records: history.length } })
  expect(readFileSync(place.path).equals(Buffer.from(await fixture(name, 'db').arrayBuffer()))).toBe(true)
})

test('a damaged document of an earlier version is refused before and after the upgrade; the records are recovered', async () => {
  using place = newPlace()
  await Bun.write(place.path, fixture('v3', 'db'))
  const expected = await fixture('v3', 'json').json()
  const db = new Database(place.path)
  db.run(`UPDATE pool SET document = replace(document, '"gpus":[1]', '"gpus":[5]')`)
  const stored = () => db.query<{ document: string }, []>('SELECT document FROM pool').get()?.document
  const before = stored()
  const message = expect.stringContaining('checksum')
  const expectDamage = async () =>
    expect((await checkUp(place.path)).problems).toContainEqual(
      expect.objectContaining({ kind: 'damage', what: message }),
    )
  await expectDamage()

  const store = await openStore(place.url, currentMoment)
  const corrupt = expect.objectContaining({ code: 'store-corrupt', message })
  await expect(store.load()).rejects.toEqual(corrupt)
  await expect(store.update(counting('never'))).rejects.toEqual(corrupt)
  store.close()
  expect(stored()).toBe(before)
  await expectDamage()
  db.close()

  const aside = setAsideDamaged(place.path, new Date())
  expect(aside?.pool).toBeNull()
  const ids = (records: readonly UsageRecord[] = []) => records.map((each) => JSON.stringify(each)).toSorted()
  expect(ids(aside?.records)).toEqual(ids(expected.history))
})

test('the readable part of a damaged pool of an earlier version is recovered', async () => {
  using place = newPlace()
  await Bun.write(place.path, fixture('v3', 'db'))
  const expected = await fixture('v3', 'json').json()
  const db = new Database(place.path)
  db.run('UPDATE history SET ended_at = started_at - 1 WHERE reservation = ?', ['past-0'])
  db.close()
  const aside = setAsideDamaged(place.path, new Date())
  expect(aside?.pool).toEqual(expected.pool)
  expect(aside?.records).toHaveLength(expected.history.length - 1)
})

test('the history refuses the record of a part of a GPU', async () => {
  using place = newPlace()
  const store = await initialized(place)
  const record = recordOf('part', { unit: '3.0' })
  await expect(
    store.update((pool) => ({ pool, records: [record], wake: [], answer: undefined })),
  ).rejects.toThrow('unit 3.0')
  store.close()
})

/** A document as written by the releases with these schemas. */
const DOCUMENT_1 = JSON.stringify({
  version: 1,
  host: 'box',
  provider: 'fake',
  gpus: [{ id: 0, uuid: 'GPU-0', name: 'Fake GPU', releasedAt: 0, releasedBy: 0 }],
  reservations: [],
  queue: [],
  settings: { allocation: 'lru' },
  writtenAt: { wall: 0, steady: { epoch: 'none', ms: 0 } },
})

/** Writes a pool as the first release did, with these records. */
function writeFirstSchema(place: SqlitePlace, records: readonly UsageRecord[]): void {
  writeSchema(place, records, 1)
}

function writeSchema({ path }: SqlitePlace, records: readonly UsageRecord[], version: number): void {
  mkdirSync(dirname(path))
  const db = new Database(path)
  db.run('PRAGMA journal_mode = WAL')
  for (const migration of MIGRATIONS.slice(0, version)) db.run(migration)
  db.run(`PRAGMA user_version = ${version}`)
  db.query('INSERT INTO pool VALUES (1, ?, ?)').run('[]', DOCUMENT_1)
  const insert = db.query('INSERT INTO history VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)')
  db.transaction(() => {
    for (const record of records) insert.run(...rowOfRecord(record))
  })()
  db.close()
}

test.each([1, 2, 3])(
  'the usage in a history of schema %p is added up, with later records too',
  async (version) => {
    await fc.assert(
      fc.asyncProperty(anyRecords, fc.nat(30), fc.array(anyRange), async (records, released, ranges) => {
        using place = newPlace()
        writeSchema(place, records.slice(0, released), version)
        const store = await openStore(place.url, currentMoment)
        await expectUsage(store, records.slice(0, released), ranges)
        const ended = records.slice(released)
        await store.update((pool) => ({ pool, records: ended, wake: [], answer: undefined }))
        await expectUsage(store, records, ranges)
        store.close()
      }),
      { numRuns: 40 },
    )
  },
  60_000,
)

test('many concurrent processes find an old schema: one upgrades it, and none fails', async () => {
  using place = newPlace()
  const records = Array.from({ length: 20_000 }, (_, nth) => recordOf(`r${nth}`, { unit: `${nth % 8}` }))
  writeFirstSchema(place, records)
  const workers = Array.from({ length: 20 }, (_, nth) => startWorker('count', place.url, `worker-${nth}`))
  expect(
    (await Promise.all(workers.map((worker) => worker.exited))).filter((status) => status !== 0),
  ).toEqual([])
  const store = await openStore(place.url, currentMoment)
  const [tally] = (await store.usage(everything, [])).tallies
  expect(tally).toMatchObject({ reservations: 20_020, ms: 20_020_000 })
  store.close()
})

test('a process leaves an old schema unchanged if another upgrades it beyond its own version', async () => {
  using place = newPlace()
  writeFirstSchema(place, [])
  const newer = new Database(place.path)
  newer.run('BEGIN IMMEDIATE')
  const worker = startWorker('read', place.url, 'old')
  // The worker maps this file when it reads the version, before it waits for the lock.
  await until('the worker has read the version', () =>
    readFileSync(`/proc/${worker.pid}/maps`, 'utf8').includes(`${place.path}-shm`),
  )
  newer.run('PRAGMA user_version = 999')
  newer.run('COMMIT')
  expect(await worker.exited).not.toBe(0)
  expect(newer.query('PRAGMA user_version').get()).toEqual({ user_version: 999 })
  newer.close()
})

test('an upgrade of the schema wakes all watchers of the pool', async () => {
  using place = newPlace()
  writeSchema(place, [], 1)
  writeFileSync(wakeFile(place.path), '')
  const watching = new AbortController()
  const next = poolChanges(place.path, watching.signal)[Symbol.asyncIterator]().next()
  const store = await openStore(place.url, currentMoment)
  expect((await next).done).toBe(false)
  watching.abort()
  store.close()
})

test('sharing the files of an open database keeps its locks', async () => {
  using place = newPlace()
  const store = await place.create(currentMoment)
  const locks = readFileSync('/proc/locks', 'utf8').split('\n')
  for (const file of [place.path, `${place.path}-shm`]) {
    const own = locks.filter(
      (lock) => lock.includes(` ${process.pid} `) && lock.includes(`:${statSync(file).ino} `),
    )
    expect(own).not.toEqual([])
  }
  store.close()
})
