import { Database } from 'bun:sqlite'
import { expect, test } from 'bun:test'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { ReopeningStore } from '../../../src/adapters/store/reopening-store.ts'
import { createSqliteStore, openSqliteStore } from '../../../src/adapters/store/sqlite.ts'
import { COUNTING_POOL, countOf } from './counting.ts'
import { tickingClock } from './store-contract.ts'

interface Reopening extends Disposable {
  readonly path: string
  readonly store: ReopeningStore
}

async function reopeningStore(): Promise<Reopening> {
  const folder = mkdtempSync(`${tmpdir()}/canhazgpu-reopening-`)
  const path = `${folder}/pool.db`
  const now = tickingClock()
  const created = await createSqliteStore({ path, now }, { kind: 'everyone' })
  await created.update({ create: () => ({ pool: COUNTING_POOL, records: [], wake: [], answer: undefined }) })
  created.close()
  const open = () => openSqliteStore({ path, now })
  const store = new ReopeningStore(await open(), open)
  return {
    path,
    store,
    [Symbol.dispose]: () => {
      store.close()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

const openDescriptors = (): number => readdirSync('/proc/self/fd').length

test('a store is opened again after a failure while another use still waits for the lock', async () => {
  using reopening = await reopeningStore()
  const { path, store } = reopening
  using holder = new Database(path)
  holder.run('BEGIN IMMEDIATE')
  const waiting = store.update((pool) => ({
    pool: { ...pool, host: 'changed' },
    records: [],
    wake: [],
    answer: 'done',
  }))
  const failing = store.update(() => {
    throw new Error('a bug')
  })
  await expect(failing).rejects.toThrow('a bug')
  expect(countOf((await store.load()).pool)).toBe(0)
  holder.run('ROLLBACK')
  expect(await waiting).toBe('done')
  expect((await store.load()).pool.host).toBe('changed')
})

test('failed attempts to open a pool leak no descriptor', async () => {
  using reopening = await reopeningStore()
  const { path, store } = reopening
  using other = new Database(path)
  other.run('PRAGMA user_version = 99')
  await expect(store.load()).rejects.toMatchObject({ code: 'store-too-new' })
  await expect(store.load()).rejects.toMatchObject({ code: 'store-too-new' })
  const before = openDescriptors()
  for (let attempt = 0; attempt < 20; attempt++) {
    await expect(store.load()).rejects.toMatchObject({ code: 'store-too-new' })
  }
  expect(openDescriptors()).toBe(before)
})

test('a store that is opened again many times leaks no descriptor', async () => {
  using reopening = await reopeningStore()
  const fail = () =>
    reopening.store.update(() => {
      throw new Error('a bug')
    })
  await expect(fail()).rejects.toThrow('a bug')
  await reopening.store.load()
  const before = openDescriptors()
  for (let time = 0; time < 20; time++) {
    await expect(fail()).rejects.toThrow('a bug')
    await reopening.store.load()
  }
  expect(openDescriptors()).toBe(before)
})
