import { expect, test } from 'bun:test'
import { gpuNumber, gpuUnit } from '../../../src/domain/pool/units.ts'
import type { QueueDocument } from '../../../src/views/schemas/queue.ts'
import { storedHistory } from '../../support/database.ts'
import { failureOf } from '../../support/failure.ts'
import { untilAllFree } from '../../support/job.ts'
import { hasRequestedGpus, overtakings, pairsOnOneGpu, type Served } from '../../support/order.ts'
import { finished, type TestPool, testPool } from '../../support/pool.ts'
import { until } from '../../support/until.ts'
import { hold, LOGGED_COMMAND, loggedRuns, prepareLogs, storedQueue } from '../../support/waiters.ts'

const WAITERS = 100
/** Counts and exact ids. Without first come, first served, the many small requests would overtake the large ones. */
const REQUESTS = [
  ['--gpus', '1'],
  ['--gpus', '4'],
  ['--gpus', '1'],
  ['--gpu-ids', '1,3'],
  ['--gpus', '2'],
  ['--gpu-ids', '0'],
  ['--gpus', '3'],
  ['--gpu-ids', '2-3'],
  ['--gpus', '1'],
  ['--gpu-ids', '1'],
]
const requestOf = (nth: number): string[] => REQUESTS[nth % REQUESTS.length] ?? []

type Past = Pick<Served, 'gpus' | 'startedAt' | 'endedAt'>

/** The GPUs and times of each reservation according to the history. */
function pastOf(pool: TestPool): ReadonlyMap<string, Past> {
  const past = new Map<string, Past>()
  for (const { reservation, gpu, started_at, ended_at } of storedHistory(pool)) {
    const gpus = [...(past.get(reservation)?.gpus ?? []), gpu].sort()
    past.set(reservation, { gpus, startedAt: started_at, endedAt: ended_at })
  }
  return past
}

const NEVER: Past = { gpus: [], startedAt: Number.NaN, endedAt: Number.NaN }

test('a hundred waiters start in the order of the queue, and newcomers never overtake', async () => {
  using pool = await testPool(4)
  prepareLogs(pool)
  await hold(pool, '--gpus', '4')
  const waiting = Array.from({ length: WAITERS }, (_, nth) =>
    pool.start('run', '--wait', ...requestOf(nth), '--', ...LOGGED_COMMAND),
  )
  const queued = await until(
    'all are in the queue',
    () => storedQueue(pool).length === WAITERS && storedQueue(pool),
  )
  const shown: QueueDocument[] = JSON.parse((await pool.chg('queue', '--json')).stdout)
  expect(shown.map(({ position }) => position)).toEqual(queued.map((_, nth) => nth + 1))
  expect(shown.map(({ gpus, gpu_ids }) => gpu_ids ?? gpus)).toEqual(
    queued.map(({ request }) => (request.kind === 'ids' ? request.ids.map(gpuNumber) : request.count)),
  )

  await pool.chg('release')
  const newcomers = await Promise.all(
    Array.from({ length: 20 }, (_, nth) =>
      pool.chg('run', '--json', ...requestOf(nth), '--', ...LOGGED_COMMAND),
    ),
  )
  const ended = await Promise.all(waiting.map(finished))
  expect(ended.filter(({ status }) => status !== 0)).toEqual([])
  // A newcomer is granted only after the end of the queue.
  const refused = newcomers.filter(({ status }) => status !== 0)
  for (const each of refused) expect(failureOf(each)).toMatchObject({ status: 75, code: 'not-enough-gpus' })
  await untilAllFree(pool)

  const past = pastOf(pool)
  const served = queued.map(
    ({ id, request }, place): Served => ({ id, request, place, ...(past.get(id) ?? NEVER) }),
  )
  expect(served.filter((each) => !hasRequestedGpus(each))).toEqual([])
  const log = loggedRuns(pool)
  expect(log).toHaveLength(WAITERS + newcomers.length - refused.length)
  expect(pairsOnOneGpu(log)).toEqual([])
  // The commands had the GPUs of the history.
  for (const { id, gpus } of log) expect(gpus).toEqual(past.get(id)?.gpus ?? [])
  const late = log
    .filter(({ id }) => !queued.some((entry) => entry.id === id))
    .map(({ id, gpus }): Served => {
      return {
        id,
        request: { kind: 'ids', ids: gpus.map(gpuUnit) },
        place: WAITERS,
        ...(past.get(id) ?? NEVER),
      }
    })
  expect(overtakings([...served, ...late])).toEqual([])
}, 120_000)

test('a newcomer is refused with a reason while others wait, even if a GPU is free', async () => {
  using pool = await testPool(2)
  await hold(pool, '--gpu-ids', '0')
  const waiting = pool.start('run', '--wait', '--gpus', '2', '--', 'true')
  await until('it is in the queue', () => storedQueue(pool).length === 1)
  for (const command of [
    ['reserve', '--json', '--duration', '9h'],
    ['run', '--json', '--', 'true'],
  ]) {
    expect(failureOf(await pool.chg(...command))).toMatchObject({
      status: 75,
      code: 'not-enough-gpus',
      reason: { code: 'short', requested: 1, available: 0, ahead: 1, busy: [{ gpu_id: 0, yours: true }] },
    })
  }
  await pool.chg('release')
  expect((await finished(waiting)).status).toBe(0)
})
