import { Database } from 'bun:sqlite'
import { expect, test } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { currentMoment } from '../../src/adapters/os/clock.ts'
import * as libc from '../../src/adapters/os/libc.ts'
import { currentProcess } from '../../src/adapters/os/processes.ts'
import { waitFor, watchProcess } from '../../src/adapters/os/wait.ts'
import { watchChanges } from '../../src/adapters/store/changes.ts'
import { openStore } from '../../src/adapters/store/open.ts'
import { createSqliteStore, openSqliteStore } from '../../src/adapters/store/sqlite.ts'
import { COUNTING_POOL, counting, countOf, recordOf } from './counting.ts'
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

test.skipIf(Bun.which('strace') === null)(
  'commits are synced to the disk before they are announced',
  async () => {
    using place = newPlace()
    const store = await initialized(place)
    store.close()
    const script = `
    const { openStore } = await import('${import.meta.resolve('../../src/adapters/store/open.ts')}')
    const { currentMoment } = await import('${import.meta.resolve('../../src/adapters/os/clock.ts')}')
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
  },
)

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
  const fixture = (ending: string) => Bun.file(new URL(`../fixtures/pool-v1.${ending}`, import.meta.url))
  await Bun.write(place.path, fixture('db'))
  const expected = await fixture('json').json()
  const store = await openStore(place.url, currentMoment)
  expect((await store.read()).pool).toEqual(expected.pool)
  expect(await store.history(everything)).toEqual(expected.history)

  expect(await store.update(counting('later'))).toBe(countOf(expected.pool) + 1)
  const { writtenAt: _, gpus: __, ...rest } = (await store.read()).pool
  expect(expected.pool).toMatchObject(rest)
  expect(await store.history(everything)).toHaveLength(expected.history.length + 1)
  store.close()
})
