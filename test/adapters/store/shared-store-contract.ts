import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { OpenedPool } from '../../../src/ports/opened-pool.ts'
import { until } from '../../support/until.ts'
import { counting, countOf, recordOf } from './counting.ts'
import { everything, type StorePlace, wakesUntilStopped, withCounting } from './store-contract.ts'

/** A place that other processes can open as well. */
export interface SharedPlace extends StorePlace {
  readonly url: string
}

/** The folder of the bundled worker: hundreds of workers start quickly from it. */
const workers = mkdtempSync(join(tmpdir(), 'canhazgpu-worker-'))
beforeAll(async () => {
  const source = new URL('worker.ts', import.meta.url).pathname
  const built = await Bun.build({ entrypoints: [source], target: 'bun', outdir: workers, splitting: true })
  if (!built.success) throw new Error('the worker cannot be built')
})
afterAll(() => rmSync(workers, { recursive: true }))

/** Another process that uses the store. */
export const startWorker = (verb: string, url: string, ...args: string[]) =>
  Bun.spawn([process.execPath, `${workers}/worker.js`, verb, url, ...args], {
    stdout: 'pipe',
    stderr: 'inherit',
  })

/** Kills a process during its nth decision. */
export async function killHanging(url: string, asking: number): Promise<void> {
  const worker = startWorker('hang', url, 'killed', String(asking))
  const { value } = await worker.stdout.getReader().read()
  expect(new TextDecoder().decode(value)).toBe('hanging\n')
  worker.kill('SIGKILL')
  await worker.exited
}

/** The guarantees, in addition to `storeContract`, of a store that many processes have open. */
export function sharedStoreContract(name: string, newPlace: () => SharedPlace): void {
  const withStore = (use: (store: OpenedPool, place: SharedPlace) => Promise<void>) =>
    withCounting(newPlace, use)

  describe(`${name}, shared by processes`, () => {
    test('changes by this and other processes wake listeners until they stop', async () => {
      await withStore(async (store, place) => {
        await wakesUntilStopped(store, () => startWorker('count', place.url, 'other').exited)
      })
    })

    test('all updates of hundreds of concurrent processes are committed', async () => {
      await withStore(async (store, place) => {
        const workers = Array.from({ length: 200 }, (_, nth) =>
          startWorker('count', place.url, `worker-${nth}`),
        )
        const statuses = await Promise.all(workers.map((worker) => worker.exited))
        expect(statuses.filter((status) => status !== 0)).toEqual([])
        expect(countOf((await store.load()).pool)).toBe(200)
        expect(await store.history(everything)).toHaveLength(200)
      })
    }, 120_000)

    test('a process killed during a decision leaves nothing behind and blocks no other process', async () => {
      await withStore(async (store, place) => {
        await killHanging(place.url, 1)
        expect(await store.update(counting('after'))).toBe(1)
        expect(await store.history(everything)).toEqual([recordOf('after')])
      })
    })

    test('a process killed at any time commits pool and records together', async () => {
      await withStore(async (store, place) => {
        for (let round = 0; round < 15; round++) {
          const before = countOf((await store.load()).pool)
          const worker = startWorker('count', place.url, `round-${round}`, '100000')
          await until('the worker has counted', async () => {
            return countOf((await store.load()).pool) > before + round * 3
          })
          worker.kill('SIGKILL')
          await worker.exited
          const { pool } = await store.load()
          expect(await store.history(everything)).toHaveLength(countOf(pool))
        }
      })
    }, 60_000)
  })
}
