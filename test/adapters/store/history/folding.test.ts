import { Database } from 'bun:sqlite'
import { expect, test } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { setAsideDamaged } from '../../../../src/adapters/store/files/set-aside.ts'
import { checkUp } from '../../../../src/adapters/store/schema/checkup.ts'
import { createSqliteStore } from '../../../../src/adapters/store/sqlite.ts'
import { DAY_MS, dayOf } from '../../../../src/domain/ledger/day-sums.ts'
import type { Millis, Pool, Reservation, UsageRecord } from '../../../../src/domain/pool/model.ts'
import type { OpenedPool } from '../../../../src/ports/opened-pool.ts'
import { COUNTING_POOL, recordOf } from '../counting.ts'
import { anyRange, anyRecords, expectUsage } from '../random-usage.ts'
import { tickingClock } from '../store-contract.ts'

async function newStore(folder: string): Promise<OpenedPool> {
  const store = await createSqliteStore(
    { path: `${folder}/pool.db`, now: tickingClock() },
    { kind: 'everyone' },
  )
  await store.update({ create: () => ({ pool: COUNTING_POOL, records: [], wake: [], answer: null }) })
  return store
}

const commit = (store: OpenedPool, records: readonly UsageRecord[], parts: Partial<Pool> = {}) =>
  store.update((pool) => ({ pool: { ...pool, ...parts }, records, wake: [], answer: null }))

function newFolder() {
  const path = mkdtempSync(join(tmpdir(), 'canhazgpu-folding-'))
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) }
}

const stored = (folder: string, query: string) => {
  using db = new Database(`${folder}/pool.db`)
  return db.query(query).values()
}

const damages = async (path: string) => (await checkUp(path)).problems.filter(({ kind }) => kind === 'damage')

/** The sums by user of records that count as a whole on the day of their end. */
function sumsByEnd(records: readonly UsageRecord[], from: Millis) {
  const sums: Record<string, number> = {}
  for (const { owner, startedAt, endedAt } of records) {
    if (endedAt >= from) sums[owner.shownName] = (sums[owner.shownName] ?? 0) + endedAt - startedAt
  }
  return sums
}

test('older records go and their sums stay; ranges after them are as exact as before, and the pool is sound', async () => {
  using folder = newFolder()
  let runs = 0
  await fc.assert(
    fc.asyncProperty(
      anyRecords,
      fc.nat(9),
      fc.array(anyRange, { maxLength: 5 }),
      async (records, day, ranges) => {
        const place = `${folder.path}/${runs++}`
        using store = Object.assign(await newStore(place), { [Symbol.dispose]: () => {} })
        await commit(store, records)
        const keptFrom = day * DAY_MS
        await commit(store, [recordOf('last', { startedAt: 20 * DAY_MS, endedAt: 20 * DAY_MS + 1 })], {
          keptFrom,
        })
        const all = [...records, recordOf('last', { startedAt: 20 * DAY_MS, endedAt: 20 * DAY_MS + 1 })]
        const later = ranges.filter(({ from }) => from >= keptFrom)
        for (const range of later) await expectUsage(store, all, [range], false)
        for (let from = 0; from < keptFrom; from += DAY_MS) {
          const { tallies } = await store.usage({ from, to: 30 * DAY_MS }, [])
          const sums: Record<string, number> = {}
          for (const { user, ms } of tallies) sums[user] = (sums[user] ?? 0) + ms
          const known = sumsByEnd(all, from)
          // Of a reservation that ended on a later day and began before, only the part inside counts.
          for (const [user, ms] of Object.entries(sums)) expect(ms).toBeLessThanOrEqual(known[user] ?? 0)
          if (from === 0) expect(sums).toEqual(known)
        }
        const counts = (await store.usage({ from: 0, to: 30 * DAY_MS }, [])).tallies
        const number = counts.reduce((sum, { reservations }) => sum + reservations, 0)
        expect(number).toBe(
          new Set(all.map(({ reservation, owner, term }) => JSON.stringify([reservation, owner, term]))).size,
        )
        store.close()
        const left = new Set(stored(place, 'SELECT DISTINCT reservation FROM history').flat())
        const kept = all.filter(({ endedAt }) => dayOf(endedAt) >= day).map(({ reservation }) => reservation)
        expect(left).toEqual(new Set(kept))
        expect(await damages(`${place}/pool.db`)).toEqual([])
      },
    ),
    { numRuns: 20 },
  )
})

test('one commit removes a part only, and a held reservation keeps its records', async () => {
  using folder = newFolder()
  const store = await newStore(folder.path)
  const records = Array.from({ length: 450 }, (_, at) => recordOf(`r${at}`, { endedAt: 2_000 + at }))
  await commit(store, records)
  const reservations: readonly Reservation[] = [
    {
      ...{ id: 'r3', owner: recordOf('r3').owner, holdings: [{ unit: '0', share: { kind: 'whole' } }] },
      ...{ startedAt: 0, term: { kind: 'manual', expiresAt: 1e15 } },
    },
  ]
  const left = async () => {
    await commit(store, [recordOf(`late ${Math.random()}`, { startedAt: 9 * DAY_MS, endedAt: 9 * DAY_MS })], {
      ...{ keptFrom: DAY_MS, reservations },
    })
    return stored(folder.path, `SELECT count(*) FROM history WHERE ended_at < ${DAY_MS}`)[0]?.[0]
  }
  expect([await left(), await left(), await left(), await left()]).toEqual([251, 52, 1, 1])
  expect((await store.usage({ from: 0, to: DAY_MS }, [])).tallies).toMatchObject([{ reservations: 450 }])
  store.close()
})

test('an old record that is written again is not added again; one of a day without its sum is', async () => {
  using folder = newFolder()
  const store = await newStore(folder.path)
  const old = ['a', 'b'].map((id) => recordOf(id))
  await commit(store, old)
  await commit(store, [recordOf('late', { startedAt: 9 * DAY_MS, endedAt: 9 * DAY_MS })], {
    keptFrom: 5 * DAY_MS,
  })
  expect(stored(folder.path, 'SELECT reservation FROM history')).toEqual([['late']])
  const other = recordOf('c', { startedAt: 3 * DAY_MS, endedAt: 3 * DAY_MS + 5 })
  for (let time = 0; time < 2; time++) await commit(store, [...old, other])
  const { tallies } = await store.usage({ from: 0, to: 5 * DAY_MS }, [])
  expect(tallies).toMatchObject([{ ms: 2_005, reservations: 3 }])
  store.close()
  expect(await damages(`${folder.path}/pool.db`)).toEqual([])
})

test('a new pool in place of a damaged one takes over the sums whose records are not kept', async () => {
  using folder = newFolder()
  const path = `${folder.path}/pool.db`
  const store = await newStore(folder.path)
  await commit(
    store,
    [recordOf('old'), recordOf('new', { startedAt: 5 * DAY_MS, endedAt: 5 * DAY_MS + 7 })],
    {
      keptFrom: DAY_MS,
    },
  )
  store.close()
  using db = new Database(path)
  db.run("UPDATE history SET outcome = 'nonsense'")
  db.run(
    "INSERT INTO history SELECT 'good', gpu, host, user, uid, account, kind, started_at, ended_at, 'exited', note FROM history",
  )
  db.close()
  const aside = setAsideDamaged(path, new Date(0))
  expect(aside).toMatchObject({
    records: [{ reservation: 'good', endedAt: 5 * DAY_MS + 7 }],
    sums: [{ day: 0, user: 'alice', term: 'run', ms: 1_000, reservations: 1 }],
  })
  const next = await createSqliteStore({ path, now: tickingClock() }, { kind: 'everyone' })
  const { records = [], sums = [] } = aside ?? {}
  const pool = { ...COUNTING_POOL, keptFrom: DAY_MS }
  await next.update({ create: () => ({ pool, records, sums, wake: [], answer: null }) })
  const { tallies } = await next.usage({ from: 0, to: 9 * DAY_MS }, [])
  expect(tallies).toMatchObject([{ ms: 1_007, reservations: 2 }])
  next.close()
  expect(await damages(path)).toEqual([])
})
