import { Database } from 'bun:sqlite'
import { expect, test } from 'bun:test'
import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import fc from 'fast-check'
import { currentMoment } from '../../../src/adapters/kernel/clock.ts'
import * as libc from '../../../src/adapters/kernel/libc.ts'
import { currentProcess } from '../../../src/adapters/kernel/processes.ts'
import { waitFor, watchProcess } from '../../../src/adapters/kernel/wait.ts'
import { poolChanges, wakeFile, watchChanges } from '../../../src/adapters/store/changes.ts'
import { encodePool } from '../../../src/adapters/store/document/codec.ts'
import { giveLog } from '../../../src/adapters/store/files/create.ts'
import { rowOfRecord } from '../../../src/adapters/store/history/history-rows.ts'
import { openStore } from '../../../src/adapters/store/open.ts'
import { MIGRATIONS } from '../../../src/adapters/store/schema/migrations.ts'
import { createSqliteStore, openSqliteStore } from '../../../src/adapters/store/sqlite.ts'
import type { UsageRecord } from '../../../src/domain/pool/model.ts'
import { needing } from '../../support/needs.ts'
import { until } from '../../support/until.ts'
import { COUNTING_POOL, counting, countOf, recordOf } from './counting.ts'
import { anyRange, anyRecords, expectUsage } from './random-usage.ts'
import { killHanging, type StorePlace, startWorker, storeContract, tickingClock } from './store-contract.ts'

interface SqlitePlace extends StorePlace {
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

test('a back-up is given its log once, though two find that it has none', async () => {
  using place = newPlace()
  const now = tickingClock()
  const created = await place.create(now)
  await created.initialize(() => ({ pool: COUNTING_POOL, ended: [], result: undefined }))
  created.close()
  const backup = `${place.path}.backup`
  const db = new Database(place.path)
  db.query('VACUUM INTO ?').run(backup)
  db.close()
  for (const ending of ['-wal', '-shm']) rmSync(place.path + ending, { force: true })
  renameSync(backup, place.path)
  await giveLog(place.path)
  const store = await place.open(now)
  await store.update(counting('first'))
  await giveLog(place.path)
  expect(countOf((await store.read()).pool)).toBe(1)
  store.close()
})

async function initialized(place: StorePlace) {
  const store = await place.create(tickingClock())
  await store.initialize(() => ({ pool: COUNTING_POOL, ended: [], result: undefined }))
  return store
}

const everything = { from: 0, to: Number.MAX_SAFE_INTEGER }

test('a process killed while it holds the lock leaves nothing behind', async () => {
  using place = newPlace()
  const store = await initialized(place)
  // The first decision is made on a snapshot, the second under the lock.
  await killHanging(place.url, 2)
  expect(await store.update(counting('after'))).toBe(1)
  expect(await store.history(everything)).toEqual([recordOf('after')])
  store.close()
})

test('an update that changes nothing touches no file', async () => {
  using place = newPlace()
  const store = await initialized(place)
  const watcher = new Database(place.path, { readonly: true })
  const version = () => watcher.query<{ data_version: number }, []>('PRAGMA data_version').get()?.data_version
  const before = version()
  await store.update((pool) => ({ pool, ended: [], result: undefined }))
  expect(version()).toBe(before as number)
  await store.update(counting('one'))
  expect(version()).not.toBe(before as number)
  watcher.close()
  store.close()
})

test('who only reads wakes nobody: readers who wake each other would never rest', async () => {
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
  libc.close(watch ?? -1)
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

test('a store without a database is not initialized, in a folder or out of it', async () => {
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
])('%p is no store', (url) => {
  expect(openStore(url, currentMoment)).rejects.toMatchObject({ code: 'config-invalid' })
})

test('the pool of schema 1 and document 1 loads, for ever', async () => {
  using place = newPlace()
  const fixture = (ending: string) => Bun.file(new URL(`../../fixtures/pool-v1.${ending}`, import.meta.url))
  await Bun.write(place.path, fixture('db'))
  const expected = await fixture('json').json()
  const store = await openStore(place.url, currentMoment)
  expect((await store.read()).pool).toEqual(expected.pool)
  expect(await store.history(everything)).toEqual(expected.history)
  await expectUsage(store, expected.history, [])

  expect(await store.update(counting('later'))).toBe(countOf(expected.pool) + 1)
  const { writtenAt: _, gpus: __, ...rest } = (await store.read()).pool
  expect(expected.pool).toMatchObject(rest)
  expect(await store.history(everything)).toHaveLength(expected.history.length + 1)
  store.close()
})

/** A pool as the first release left it, with these records. */
function writeFirstSchema(place: SqlitePlace, records: readonly UsageRecord[]): void {
  writeSchema(place, records, 1)
}

function writeSchema({ path }: SqlitePlace, records: readonly UsageRecord[], version: number): void {
  mkdirSync(dirname(path))
  const db = new Database(path)
  db.run('PRAGMA journal_mode = WAL')
  for (const migration of MIGRATIONS.slice(0, version)) db.run(migration)
  db.run(`PRAGMA user_version = ${version}`)
  db.query('INSERT INTO pool VALUES (1, ?, ?)').run('[]', encodePool(COUNTING_POOL, currentMoment()))
  const insert = db.query('INSERT INTO history VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)')
  db.transaction(() => {
    for (const record of records) insert.run(...rowOfRecord(record))
  })()
  db.close()
}

test.each([1, 2])(
  'a history of schema %p is added up, and goes on',
  async (version) => {
    await fc.assert(
      fc.asyncProperty(anyRecords, fc.nat(30), fc.array(anyRange), async (records, released, ranges) => {
        using place = newPlace()
        writeSchema(place, records.slice(0, released), version)
        const store = await openStore(place.url, currentMoment)
        await expectUsage(store, records.slice(0, released), ranges)
        const ended = records.slice(released)
        await store.update((pool) => ({ pool, ended, result: undefined }))
        await expectUsage(store, records, ranges)
        store.close()
      }),
      { numRuns: 40 },
    )
  },
  60_000,
)

test('many processes find an old schema at once: one brings it up to date, none fails', async () => {
  using place = newPlace()
  const records = Array.from({ length: 20_000 }, (_, nth) => recordOf(`r${nth}`, { gpu: nth % 8 }))
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

test('who finds an old schema that becomes a newer one than its own leaves it alone', async () => {
  using place = newPlace()
  writeFirstSchema(place, [])
  const newer = new Database(place.path)
  newer.run('BEGIN IMMEDIATE')
  const worker = startWorker('read', place.url, 'old')
  // Mapped when the version is read, while the lock is not to be had.
  await until('the worker has looked at the database', () =>
    readFileSync(`/proc/${worker.pid}/maps`, 'utf8').includes(`${place.path}-shm`),
  )
  newer.run('PRAGMA user_version = 999')
  newer.run('COMMIT')
  expect(await worker.exited).not.toBe(0)
  expect(newer.query('PRAGMA user_version').get()).toEqual({ user_version: 999 })
  newer.close()
})

test('an upgrade of the schema wakes everyone who watches the pool', async () => {
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

test('to share the files of an open database leaves its locks alone', async () => {
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
