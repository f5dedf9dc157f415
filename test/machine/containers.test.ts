import { describe, expect, test } from 'bun:test'
import { inContainer, isFirstPidNamespace, startContainer } from '../support/container.ts'
import { changeStoredPool, storedHistory, storedPool } from '../support/database.ts'
import { child, startForever } from '../support/job.ts'
import { missing, needing } from '../support/needs.ts'
import { type TestPool, testPool } from '../support/pool.ts'
import { kill } from '../support/processes.ts'
import { until } from '../support/until.ts'
import { hold, storedQueue, untilServed, waitToRun } from '../support/waiters.ts'

const reason = missing('containers')
const STALE_MS = 16 * 60_000

const states = async (pool: TestPool) => (await pool.status()).map(({ status }) => status).join(' ')
const statesInside = async (pool: TestPool) =>
  JSON.parse((await inContainer(pool, '"$CHG" status --json')).stdout)
    .map(({ status }: { status: string }) => status)
    .join(' ')

/** Makes the heartbeats of all runs and waiters older by this time. */
function ageHeartbeats(pool: TestPool, by: number): void {
  const aged = <Beating extends { readonly heartbeatAt: number }>(beating: Beating): Beating => ({
    ...beating,
    heartbeatAt: beating.heartbeatAt - by,
  })
  changeStoredPool(pool, (document) => ({
    ...document,
    reservations: document.reservations.map((held) =>
      held.term.kind === 'run' ? { ...held, startedAt: held.startedAt - by, term: aged(held.term) } : held,
    ),
    queue: document.queue.map(aged),
  }))
}

/** Starts a job in a container; returns when it runs. */
async function startInside(pool: TestPool, options = '', namespaces?: readonly string[]) {
  const container = startContainer(
    pool,
    `"$CHG" run ${options} -- ${child('forever')}; echo "status $?"; sleep 1000`,
    namespaces,
  )
  const reservation = await until('the job has its GPUs', () => storedPool(pool).reservations.at(-1) ?? null)
  return { container, reservation }
}

describe
  .skipIf(reason !== null)
  .concurrent(`containers${reason === null ? '' : ` (skipped: ${reason})`}`, () => {
    test('run and status work inside, and agree with those outside', async () => {
      using pool = await testPool(2)
      await hold(pool, '--gpu-ids', '0')
      const { stdout } = await inContainer(
        pool,
        `"$CHG" run -- sh -c 'hostname; echo $CUDA_VISIBLE_DEVICES; "$CHG" status'; "$CHG" status`,
      )
      expect(stdout).toMatch(
        /^somewhere-else\n1\nGPU 0: IN USE by .* \(manual, .*\nGPU 1: IN USE by .* \(run, .*\n/,
      )
      expect(await inContainer(pool, '"$CHG" reserve --gpu-ids 0')).toMatchObject({ status: 75 })
      await until(
        'its end is detected',
        async () => !isFirstPidNamespace || (await states(pool)) === 'IN_USE AVAILABLE',
      )
    })

    test('a run inside counts as alive outside and in another container', async () => {
      using pool = await testPool(2)
      const { container, reservation } = await startInside(pool, '--gpu-ids 0')
      expect(await states(pool)).toBe('IN_USE AVAILABLE')
      expect(await statesInside(pool)).toBe('IN_USE AVAILABLE')
      expect((await pool.chg('reserve', '--gpu-ids', '0')).status).toBe(75)
      expect((await inContainer(pool, '"$CHG" reserve --gpu-ids 0')).status).toBe(75)
      expect(storedPool(pool).reservations.map(({ id }) => id)).toEqual([reservation.id])
      kill(container.pid, 'SIGKILL')
    })

    test('a run outside counts as alive inside', async () => {
      using pool = await testPool(1)
      const job = await startForever(pool)
      expect(await statesInside(pool)).toBe('IN_USE')
      expect((await inContainer(pool, '"$CHG" reserve')).status).toBe(75)
      expect(storedHistory(pool)).toEqual([])
      kill(job.pid, 'SIGKILL')
    })

    test('a process that is not visible counts as gone after fifteen minutes without a heartbeat, not before', async () => {
      using pool = await testPool(1)
      const job = await startForever(pool)
      ageHeartbeats(pool, 14 * 60_000)
      expect(await statesInside(pool)).toBe('IN_USE')
      // Outside the process is visible and alive, whatever its heartbeat.
      ageHeartbeats(pool, STALE_MS)
      expect(await states(pool)).toBe('IN_USE')
      expect(await statesInside(pool)).toBe('AVAILABLE')
      expect(storedHistory(pool)).toMatchObject([{ outcome: 'vanished' }])
      kill(job.pid, 'SIGKILL')
    })

    test('a process inside counts as gone in another container after fifteen minutes without a heartbeat', async () => {
      using pool = await testPool(1)
      const { container } = await startInside(pool)
      ageHeartbeats(pool, STALE_MS)
      if (isFirstPidNamespace) expect(await states(pool)).toBe('IN_USE')
      expect(await statesInside(pool)).toBe('AVAILABLE')
      expect(storedHistory(pool)).toMatchObject([{ outcome: 'vanished' }])
      kill(container.pid, 'SIGKILL')
    })

    needing('first pid namespace').test(
      'the host detects that the runs and waiters of a container have ended with it',
      async () => {
        using pool = await testPool(1)
        const { container } = await startInside(pool)
        const waiter = startContainer(pool, '"$CHG" run --wait -- true; sleep 1000')
        await until('it is in the queue', () => storedQueue(pool).length === 1)
        const outside = await waitToRun(pool)
        kill(waiter.pid, 'SIGKILL')
        kill(container.pid, 'SIGKILL')
        expect(await untilServed(pool, outside)).toEqual([0])
        expect(storedQueue(pool)).toEqual([])
      },
    )

    test('a command that ends inside frees its GPU at once', async () => {
      using pool = await testPool(1)
      await pool.sh('mkfifo go')
      const container = startContainer(pool, `"$CHG" run -- sh -c 'read word < go'; sleep 1000`)
      await until('the job has its GPU', () => storedPool(pool).reservations.length === 1)
      const waiter = await waitToRun(pool)
      await pool.sh('echo word > go')
      expect(await untilServed(pool, waiter)).toEqual([0])
      kill(container.pid, 'SIGKILL')
    })

    test('waiters of several containers and of the host are in one queue', async () => {
      using pool = await testPool(1)
      await hold(pool)
      const first = startContainer(pool, '"$CHG" run --wait -- echo first')
      await until('it is in the queue', () => storedQueue(pool).length === 1)
      const second = pool.start('run', '--wait', '--', 'echo', 'second')
      await until('it is in the queue', () => storedQueue(pool).length === 2)
      const third = startContainer(pool, '"$CHG" run --wait -- echo third; sleep 1')
      await until('it is in the queue', () => storedQueue(pool).length === 3)
      const order = storedQueue(pool).map(({ id }) => id)
      await pool.chg('release')
      for (const each of [first, second, third]) await each.exited
      if (isFirstPidNamespace)
        await until('everything has ended', async () => (await states(pool)) === 'AVAILABLE')
      const runs = storedHistory(pool).filter(({ kind }) => kind === 'run')
      expect(runs.map(({ reservation }) => reservation)).toEqual(order)
    })

    test('--timeout ends the whole tree inside', async () => {
      using pool = await testPool(1)
      const { stdout } = await inContainer(
        pool,
        `"$CHG" run --timeout 1s --grace 1s -- sh -c '(setsid sh -c "trap : INT; sleep 1000" &); exec sleep 1000'
       echo "status $?"; while pidof sleep >/dev/null; do read x < /proc/uptime; done; echo none`,
      )
      expect(stdout).toBe('status 130\nnone\n')
      // The supervisor ended with the container, before or after it recorded the end.
      if (isFirstPidNamespace) expect(await states(pool)).toBe('AVAILABLE')
      if (isFirstPidNamespace) expect(storedHistory(pool)).toMatchObject([{ outcome: 'timed-out' }])
    })

    test('with the /proc of the host, no process is mistaken for another', async () => {
      using pool = await testPool(2)
      const job = await startForever(pool, '--gpu-ids', '0')
      const { stdout } = await inContainer(
        pool,
        `"$CHG" run --timeout 1s --grace 1s -- sleep 1000; echo "status $?"; "$CHG" status --json | grep -c IN_USE`,
        ['--pid', '--fork', '--kill-child'],
      )
      expect(stdout).toBe('status 130\n1\n')
      expect(await states(pool)).toStartWith('IN_USE')
      kill(job.pid, 'SIGKILL')
    })

    test('another time namespace does not change the remaining time', async () => {
      using pool = await testPool(2)
      await hold(pool, '--gpu-ids', '0', '--duration', '1h')
      const [before] = await pool.status()
      const namespaces = [
        '--time',
        '--boottime',
        '1000000',
        '--pid',
        '--fork',
        '--kill-child',
        '--mount-proc',
      ]
      const inside = await inContainer(
        pool,
        '"$CHG" reserve --duration 1h --json && "$CHG" status',
        namespaces,
      )
      expect(inside.status).toBe(0)
      expect(inside.stdout).toMatch(/GPU 0: IN USE by .* \(manual, expires in 0h 59m \d+s\)/)
      const [after, other] = await pool.status()
      expect(after?.expiry_time).toBe(before?.expiry_time ?? '')
      const left = Date.parse(other?.expiry_time ?? '') - Date.parse(other?.started_at ?? '')
      expect(left).toBe(3_600_000)
      expect(storedHistory(pool)).toEqual([])
    })
  })
