import { describe, expect, test } from 'bun:test'
import type { QueueDocument } from '../../../src/views/schemas/queue.ts'
import { storedPool } from '../../support/database.ts'
import { type TestPool, testPool } from '../../support/pool.ts'
import { kill, stateOf } from '../../support/processes.ts'
import { CTRL_Z, openShell } from '../../support/terminal.ts'
import { until } from '../../support/until.ts'
import { hold, storedQueue, untilServed, type Waiter, waitToRun } from '../../support/waiters.ts'

/** Stops the waiters, and returns when the kernel shows them stopped. */
async function stop(...waiters: readonly Pick<Waiter, 'pid'>[]): Promise<void> {
  for (const { pid } of waiters) kill(pid, 'SIGSTOP')
  await until('they are stopped', () => waiters.every(({ pid }) => stateOf(pid) === 'T'))
}

const resume = (...waiters: readonly Pick<Waiter, 'pid'>[]): void => {
  for (const { pid } of waiters) kill(pid, 'SIGCONT')
}

const shownQueue = async (pool: TestPool): Promise<QueueDocument[]> =>
  JSON.parse((await pool.chg('queue', '--json')).stdout)

/** The ids in the queue. Fails if an entry was noted: then the ten-second rule may have been used instead. */
function waitingUnnoted(pool: TestPool): readonly string[] {
  expect(storedQueue(pool).filter(({ startableSince }) => startableSince !== undefined)).toEqual([])
  return storedQueue(pool).map(({ id }) => id)
}

describe.concurrent('a stopped waiter', () => {
  test('is passed over at once and keeps its place, also if several are stopped', async () => {
    using pool = await testPool(1)
    await hold(pool)
    const stopped = [await waitToRun(pool), await waitToRun(pool), await waitToRun(pool)] as const
    const fourth = await waitToRun(pool)
    await stop(...stopped)
    await pool.chg('release')
    expect(await untilServed(pool, fourth)).toEqual([0])
    expect(waitingUnnoted(pool)).toEqual(stopped.map(({ id }) => id))
    const reasons = await shownQueue(pool)
    expect(reasons.map(({ reason_code }) => reason_code)).toEqual(['stopped', 'stopped', 'stopped'])

    resume(...stopped)
    kill(fourth.pid, 'SIGTERM')
    expect(await untilServed(pool, stopped[0])).toEqual([0])
    expect(storedQueue(pool).map(({ id }) => id)).toEqual([stopped[1].id, stopped[2].id])
  })

  test('is first again when it continues, although others have joined', async () => {
    using pool = await testPool(1)
    await hold(pool)
    const first = await waitToRun(pool)
    await stop(first)
    const second = await waitToRun(pool)
    resume(first)
    await until('it runs', () => stateOf(first.pid) !== 'T')
    await pool.chg('release')
    expect(await untilServed(pool, first)).toEqual([0])
    expect(storedQueue(pool).map(({ id }) => id)).toEqual([second.id])
  })

  test('does not keep a free GPU from a newcomer; a running one does', async () => {
    using pool = await testPool(2)
    await hold(pool, '--gpu-ids', '0')
    const big = await waitToRun(pool, '--gpus', '2')
    expect((await pool.chg('run', '--', 'true')).status).toBe(75)
    await stop(big)
    expect((await pool.chg('run', '--', 'true')).status).toBe(0)
    expect((await pool.chg('reserve', '--short')).stdout).toBe('1\n')
    expect(waitingUnnoted(pool)).toEqual([big.id])
  })

  test('is passed over by the waiters behind it, even if the pool does not change', async () => {
    using pool = await testPool(1)
    const usage = { processes: [{ pid: 2 ** 22 + 1, user: 'bob', uid: 4242, name: 'x', memory_mb: 9000 }] }
    pool.setFakeDriver({ gpus: { 0: usage } })
    const first = await waitToRun(pool)
    const second = await waitToRun(pool)
    await stop(first)
    // A decision may use what was read of the process up to 20 ms before.
    await until('it counts as stopped', async () => (await shownQueue(pool))[0]?.reason_code === 'stopped')
    pool.setFakeDriver({})
    expect(await untilServed(pool, second)).toEqual([0])
    expect(waitingUnnoted(pool)).toEqual([first.id])
  })

  test('does not keep the waiters behind it from noticing that the one ahead was killed', async () => {
    using pool = await testPool(2)
    await hold(pool, '--gpu-ids', '0')
    const first = await waitToRun(pool, '--gpus', '2')
    const second = await waitToRun(pool, '--gpus', '2')
    const third = await waitToRun(pool)
    await stop(second)
    kill(first.pid, 'SIGKILL')
    expect(await untilServed(pool, third)).toEqual([1])
    expect(waitingUnnoted(pool)).toEqual([second.id])
  })

  test('can be stopped by Ctrl-Z and continued by fg', async () => {
    using pool = await testPool(1)
    await hold(pool)
    using terminal = openShell(pool)
    terminal.type(`"$CHG" run --wait -- sh -c 'echo "it ru"ns; sleep 1000'\n`)
    await terminal.see('position 1 of 1')
    const { id, pid } = await until('it is in the queue', () => {
      const [entry] = storedQueue(pool)
      return entry === undefined ? null : { id: entry.id, pid: entry.process.pid }
    })
    const second = await waitToRun(pool)
    terminal.type(CTRL_Z)
    await terminal.see('Stopped')
    expect(stateOf(pid)).toBe('T')
    await pool.chg('release')
    expect(await untilServed(pool, second)).toEqual([0])
    expect(waitingUnnoted(pool)).toEqual([id])
    terminal.type('fg\n')
    await until('it continues', () => stateOf(pid) !== 'T')
    kill(second.pid, 'SIGTERM')
    await terminal.see('it runs')
    expect(storedPool(pool).reservations.map((held) => held.id)).toEqual([id])
  })
})
