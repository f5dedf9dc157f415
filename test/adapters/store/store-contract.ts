import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import type { Moment, Pool, Reservation } from '../../../src/domain/pool/model.ts'
import { wholeUnits } from '../../../src/domain/pool/units.ts'
import type { OpenedPool } from '../../../src/ports/opened-pool.ts'
import { until } from '../../support/until.ts'
import { auditOf, COUNTING_POOL, counting, countOf, recordOf } from './counting.ts'
import { anyCommits, anyRange, expectUsage } from './random-usage.ts'

/** A place for one store. It is empty at first. */
export interface StorePlace extends Disposable {
  /** Opens it for setup. */
  create(now: () => Moment): Promise<OpenedPool>
  open(now: () => Moment): Promise<OpenedPool>
}

/** A clock that returns a later time at every call. */
export function tickingClock(): () => Moment {
  let ms = 0
  return () => {
    ms++
    return { wall: 1_700_000_000_000 + ms, steady: { epoch: 'test', ms } }
  }
}

const kept = (pool: Pool) => ({ pool, records: [], wake: [], answer: undefined })

/** A store with a pool for counting. */
export async function withCounting<Place extends StorePlace>(
  newPlace: () => Place,
  use: (store: OpenedPool, place: Place) => Promise<void>,
): Promise<void> {
  using place = newPlace()
  const store = await place.create(tickingClock())
  try {
    await store.update({ create: () => kept(COUNTING_POOL) })
    await use(store, place)
  } finally {
    store.close()
  }
}

export const everything = { from: 0, to: Number.MAX_SAFE_INTEGER }

/** The guarantees of every store, and of the ledger and wakeups that are opened with it: `src/ports`. */
export function storeContract(name: string, newPlace: () => StorePlace): void {
  describe(name, () => {
    const withStore = (use: (store: OpenedPool, place: StorePlace) => Promise<void>) =>
      withCounting(newPlace, use)

    test('there is no pool before one is initialized', async () => {
      using place = newPlace()
      const store = await place.create(tickingClock())
      const missing = expect.objectContaining({ code: 'pool-not-initialized' })
      expect(store.load()).rejects.toEqual(missing)
      expect(store.update(kept)).rejects.toEqual(missing)
      expect(await store.history(everything)).toEqual([])
      store.close()
    })

    test('a creation gets null for the first pool, and later the existing pool', async () => {
      await withStore(async (store) => {
        await store.update(counting('one'))
        const seen = await store.update({
          create: (pool) => ({
            pool: { ...COUNTING_POOL, host: 'other' },
            records: [recordOf('two')],
            wake: [],
            answer: pool && countOf(pool),
          }),
        })
        expect(seen).toBe(1)
        expect((await store.load()).pool).toMatchObject({ host: 'other', units: COUNTING_POOL.units })
        expect(await store.history(everything)).toHaveLength(2)
      })
    })

    test('the result of a decision is committed, stamped with the time of writing, and returned', async () => {
      await withStore(async (store, place) => {
        expect(await store.update(counting('one'))).toBe(1)
        const other = await place.open(tickingClock())
        const { pool, moment } = await other.load()
        expect(countOf(pool)).toBe(1)
        expect(pool.writtenAt.wall).toBeGreaterThan(0)
        expect(moment.steady.epoch).toBe('test')
        expect(await other.history(everything)).toEqual([recordOf('one')])
        other.close()
      })
    })

    test('a pool is read as it was written, whatever the clock shows later', async () => {
      await withStore(async (store, place) => {
        const { moment } = await store.load()
        const later = await place.open(() => ({ wall: moment.wall + 3_600_000, steady: moment.steady }))
        const { pool, moment: now } = await later.load()
        expect(now.wall).toBe(moment.wall + 3_600_000)
        expect(pool).toEqual((await store.load()).pool)
        expect(await later.update((seen) => ({ ...kept(seen), answer: seen }))).toEqual(pool)
        expect(await later.update({ create: (seen) => ({ ...kept(pool), answer: seen }) })).toEqual(pool)
        later.close()
      })
    })

    test('the turns come from the last commit that changed the pool', async () => {
      await withStore(async (store, place) => {
        const other = await place.open(tickingClock())
        expect(await other.turns()).toEqual([])
        const waking = (wake: readonly string[]) =>
          store.update((pool, moment) => ({ ...counting('one')(pool, moment), wake }))
        await waking(['b', 'a'])
        expect(await other.turns()).toEqual(['b', 'a'])
        await store.update((pool) => ({ ...kept(pool), records: [recordOf('two')] }))
        expect(await other.turns()).toEqual(['b', 'a'])
        await waking([])
        expect(await other.turns()).toEqual([])
        other.close()
      })
    })

    test('a decision that throws changes nothing, and the store stays usable', async () => {
      await withStore(async (store, place) => {
        const other = await place.open(tickingClock())
        for (const throwAt of [1, 2]) {
          let asked = 0
          let overtaking: Promise<unknown> = Promise.resolve()
          const failing = store.update((pool, moment) => {
            asked++
            // The decision is made again, because another commit comes first.
            if (asked === 1 && throwAt === 2) overtaking = other.update(counting('other'))
            if (asked === throwAt) throw new Error('no')
            return counting('never')(pool, moment)
          })
          await expect(failing).rejects.toThrow('no')
          await overtaking
        }
        expect(countOf((await store.load()).pool)).toBe(1)
        expect(await store.history(everything)).toEqual([recordOf('other')])
        expect(await store.update(counting('after'))).toBe(2)
        other.close()
      })
    })

    test('changes of administrators are kept with the commit that made them, and read newest first', async () => {
      await withStore(async (store, place) => {
        expect(await store.audit(10)).toEqual([])
        const other = await place.open(tickingClock())
        const changing = (...reasons: readonly string[]) =>
          store.update((pool, moment) => ({ ...counting('x')(pool, moment), audit: reasons.map(auditOf) }))
        await changing('one', 'two')
        const overtaken = store.update((pool, moment) => {
          if (countOf(pool) === 1) void other.update(counting('other'))
          return { ...counting('y')(pool, moment), audit: [auditOf('three')] }
        })
        await overtaken
        const failing = store.update((pool, moment) => {
          if (countOf(pool) >= 0) throw new Error('no')
          return { ...counting('never')(pool, moment), audit: [auditOf('never')] }
        })
        await expect(failing).rejects.toThrow('no')
        expect(await other.audit(10)).toEqual(['three', 'two', 'one'].map(auditOf))
        expect(await other.audit(2)).toEqual(['three', 'two'].map(auditOf))
        await store.update({ create: (pool) => ({ ...kept(pool ?? COUNTING_POOL), audit: [] }) })
        expect(await store.audit(1)).toEqual([auditOf('three')])
        other.close()
      })
    })

    test('nothing is written if the decision returns the given pool', async () => {
      await withStore(async (store) => {
        const { pool: before } = await store.load()
        expect(await store.update((pool) => ({ pool, records: [], wake: [], answer: 'as is' }))).toBe('as is')
        expect((await store.load()).pool).toEqual(before)
      })
    })

    test('records alone are committed too', async () => {
      await withStore(async (store) => {
        await store.update((pool) => ({ pool, records: [recordOf('a')], wake: [], answer: undefined }))
        expect(await store.history(everything)).toEqual([recordOf('a')])
      })
    })

    test('an existing record stays unchanged, and the rest of its commit is written', async () => {
      await withStore(async (store) => {
        await store.update(counting('a'))
        await store.update((pool, moment) => ({
          ...counting('a')(pool, moment),
          records: [recordOf('a', { outcome: 'vanished' }), recordOf('a', { unit: '1' })],
        }))
        expect(countOf((await store.load()).pool)).toBe(2)
        expect(await store.history(everything)).toEqual([recordOf('a'), recordOf('a', { unit: '1' })])
      })
    })

    test('a decision is made again if another commit was first', async () => {
      await withStore(async (store, place) => {
        const other = await place.open(tickingClock())
        const seen: number[] = []
        let overtaking: Promise<unknown> = Promise.resolve()
        const result = await store.update((pool, moment) => {
          seen.push(countOf(pool))
          if (seen.length === 1) overtaking = other.update(counting('first'))
          return counting('second')(pool, moment)
        })
        await overtaking
        expect(seen[0]).toBe(0)
        expect(result).toBe((seen.at(-1) ?? 0) + 1)
        expect(countOf((await store.load()).pool)).toBe(2)
        expect(await store.history(everything)).toHaveLength(2)
        other.close()
      })
    })

    test('history contains the records that overlap the range, in the order of their ends', async () => {
      await withStore(async (store) => {
        const record = (name: string, startedAt: number, endedAt: number) =>
          recordOf(name, { startedAt, endedAt })
        const ended = [record('c', 300, 500), record('a', 100, 200), record('b', 150, 900)]
        await store.update((pool) => ({ pool, records: ended, wake: [], answer: undefined }))
        const names = async (from: number, to: number) =>
          (await store.history({ from, to })).map((each) => each.reservation)
        expect(await names(0, 1_000)).toEqual(['a', 'c', 'b'])
        expect(await names(0, 99)).toEqual([])
        expect(await names(0, 100)).toEqual(['a'])
        expect(await names(200, 299)).toEqual(['a', 'b'])
        expect(await names(201, 299)).toEqual(['b'])
        expect(await names(500, 500)).toEqual(['c', 'b'])
        expect(await names(901, 1_000)).toEqual([])
        const newest = async (most: number) =>
          (await store.history(everything, most)).map((each) => each.reservation)
        expect(await newest(2)).toEqual(['c', 'b'])
        expect(await newest(3)).toEqual(['a', 'c', 'b'])
        const visited: number[] = []
        await store.visitTimes({ from: 201, to: 299 }, ({ user, account, startedAt, endedAt }) => {
          expect({ user, name: account.name }).toEqual({
            user: recordOf('c').owner.shownName,
            name: recordOf('c').owner.account.name,
          })
          visited.push(startedAt, endedAt)
        })
        expect(visited).toEqual([150, 900])
      })
    })

    test('isRecorded: a reservation has a record once it has ended', async () => {
      await withStore(async (store) => {
        await store.update((pool) => ({ ...kept(pool), records: [recordOf('ended')] }))
        expect(await store.isRecorded('ended')).toBe(true)
        expect(await store.isRecorded('other')).toBe(false)
      })
    })

    test('usage contains the sums of a range, and the records of the requested reservations', async () => {
      await fc.assert(
        fc.asyncProperty(anyCommits, fc.array(anyRange), async (commits, ranges) => {
          await withStore(async (store) => {
            const records = commits.flat()
            for (const commit of commits) await store.update((pool) => ({ ...kept(pool), records: commit }))
            // Existing records do not count again.
            await store.update((pool) => ({ ...kept(pool), records }))
            await expectUsage(store, records, ranges)
          })
        }),
        { numRuns: 30 },
      )
    }, 60_000)

    test('pools and records are read as they were written, in any script', async () => {
      await withStore(async (store) => {
        const text = fc.string({ unit: 'grapheme' })
        const anyPool = fc.record({ host: text, name: text, user: text, note: text, command: text })
        let nth = 0
        await fc.assert(
          fc.asyncProperty(anyPool, async ({ host, name, user, note, command }) => {
            const owner = { account: { uid: 7, name }, shownName: user }
            const process = { pid: 1, startTime: 2, bootId: name, pidNamespace: host }
            const reservation: Reservation = {
              ...{ id: 'r', owner, holdings: wholeUnits(['0']), startedAt: 1, note },
              term: { kind: 'run', process, heartbeatAt: 2, command },
            }
            const wanted: Pool = { ...COUNTING_POOL, host, reservations: [reservation] }
            const record = recordOf(`r${nth++}`, { owner, note })
            await store.update(() => ({ pool: wanted, records: [record], wake: [], answer: undefined }))
            expect({ ...(await store.load()).pool, writtenAt: wanted.writtenAt }).toEqual(wanted)
            const history = await store.history(everything)
            expect(history.find((each) => each.reservation === record.reservation)).toEqual(record)
          }),
          { numRuns: 50 },
        )
      })
    })

    test('changes wake listeners until they stop', async () => {
      await withStore(async (store, place) => {
        const other = await place.open(tickingClock())
        await wakesUntilStopped(store, () => other.update(counting('other')))
        other.close()
      })
    })

    test('a waiter is woken at its turn, and once at another change that it listens for', async () => {
      await withStore(async (store, place) => {
        const other = await place.open(tickingClock())
        const calls = store.calls('mine')
        const commit = (wake: readonly string[]) =>
          other.update((pool, moment) => ({ ...counting('any')(pool, moment), wake }))
        calls.listen()
        await commit([])
        expect(await calls.next()).toBe('change')
        await commit(['mine'])
        expect(await calls.next()).toBe('turn')
        // Without listening, it gets only its turn.
        await commit([])
        await commit(['mine'])
        expect(await calls.next()).toBe('turn')
        calls.close()
        expect(await calls.next()).toBe('closed')
        other.close()
      })
    })
  })
}

/** A change by `other`, and each of many own changes, wakes a listener until the listener stops. */
export async function wakesUntilStopped(store: OpenedPool, other: () => Promise<unknown>): Promise<void> {
  const stop = new AbortController()
  const wakes = store.changes(stop.signal)[Symbol.asyncIterator]()
  // An event after the call is not missed even if no reader waits yet.
  await other()
  expect(await wakes.next()).toEqual({ done: false, value: undefined })
  for (let nth = 0; nth < 100; nth++) {
    const woken = wakes.next()
    await store.update(counting(`own-${nth}`))
    expect((await woken).done).toBe(false)
  }
  const last = wakes.next()
  stop.abort()
  await until('the listener has ended', async () => {
    const next = await last
    return next.done === true || (await wakes.next()).done === true
  })
}
