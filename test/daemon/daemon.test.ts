import { afterAll, beforeAll, expect, test } from 'bun:test'
import { chmodSync, statSync } from 'node:fs'
import { daemonPool } from '../support/daemon.ts'
import { failureOf } from '../support/failure.ts'
import { needing } from '../support/needs.ts'
import { type Finished, finished } from '../support/pool.ts'
import { newUser, type UnixUser } from '../support/unix-users.ts'
import { until } from '../support/until.ts'

test('a reservation, a run and a report through the daemon', async () => {
  using pool = await daemonPool()
  expect((await pool.chg('reserve', '--gpus', '2', '--duration', '1h')).stdout).toBe(
    'Reserved 2 GPU(s): [0, 1] for 1h 0m 0s\n',
  )
  const run = await pool.chg('run', '--', 'sh', '-c', 'echo $CUDA_VISIBLE_DEVICES; exit 7')
  expect(run).toEqual({
    status: 7,
    stdout: '2\n',
    stderr: 'Reserved 1 GPU(s): [2] for command execution\n',
  })
  await until('the run has ended', async () => (await pool.status())[2]?.status === 'AVAILABLE')
  expect((await pool.chg('release')).stdout).toBe('Released 2 GPU(s): [0, 1]\n')
  expect((await pool.chg('report')).stdout).toContain('Total reservations: 2')
  expect(statSync(pool.database).mode & 0o777).toBe(0o600)
})

test('a waiter gets the GPUs of a killed run, and progress before', async () => {
  using pool = await daemonPool(1)
  const holder = pool.start('run', '--', 'sleep', '1000')
  await until('it runs', async () => (await pool.status())[0]?.type === 'RUN')
  const waiter = pool.start('run', '--wait', '--', 'echo', 'granted')
  await until('it waits', async () => JSON.parse((await pool.chg('queue', '--json')).stdout).length === 1)
  holder.kill('SIGKILL')
  const { stdout, stderr, status } = await finished(waiter)
  expect([status, stdout]).toEqual([0, 'granted\n'])
  expect(stderr).toContain('Waiting for 1 GPU: position 1 of 1')
})

test('an interrupted waiter leaves the queue', async () => {
  using pool = await daemonPool(1)
  await pool.chg('reserve')
  const waiter = pool.start('reserve', '--wait')
  const queue = async () => JSON.parse((await pool.chg('queue', '--json')).stdout).length
  await until('it waits', async () => (await queue()) === 1)
  waiter.kill('SIGINT')
  expect((await finished(waiter)).status).toBe(130)
  await until('the waiter has left the queue', async () => (await queue()) === 0)
})

test('a waiter whose --wait time is over is refused, with the holders', async () => {
  using pool = await daemonPool(1)
  await pool.chg('reserve')
  const answer = await pool.chg('reserve', '--wait', '1s', '--json')
  expect(failureOf(answer)).toMatchObject({ code: 'wait-timed-out', status: 75 })
})

test('a time limit interrupts the command', async () => {
  using pool = await daemonPool(1)
  const answer = await pool.chg('run', '--timeout', '1s', '--', 'sleep', '1000')
  expect(answer.status).toBe(130)
  await until('the GPU is free', async () => (await pool.status())[0]?.status === 'AVAILABLE')
})

test('while the daemon is down, jobs continue, waiters keep their place, and commands wait for the next daemon', async () => {
  using pool = await daemonPool(1)
  const holder = pool.start('run', '--', 'sleep', '1000')
  await until('it runs', async () => (await pool.status())[0]?.type === 'RUN')
  const waiter = pool.start('run', '--wait', '--', 'echo', 'granted')
  await until('it waits', async () => JSON.parse((await pool.chg('queue', '--json')).stdout).length === 1)
  const [before] = await pool.status()
  pool.daemon().kill('SIGKILL')
  await pool.daemon().exited
  const early = pool.chg('status', '--json')
  await pool.restart()
  const [after] = JSON.parse((await early).stdout)
  expect([after.status, after.type, after.user]).toEqual([before?.status, 'RUN', before?.user])
  expect(holder.exitCode).toBeNull()
  holder.kill('SIGKILL')
  expect((await finished(waiter)).stdout).toBe('granted\n')
})

test('without a daemon a command says so after five seconds', async () => {
  using pool = await daemonPool(1)
  pool.daemon().kill('SIGKILL')
  await pool.daemon().exited
  expect(failureOf(await pool.chg('status', '--json'))).toMatchObject({
    code: 'daemon-unavailable',
    status: 75,
  })
})

needing('users').describe('two accounts', () => {
  let ann: UnixUser
  let ben: UnixUser
  beforeAll(async () => {
    ann = await newUser('ann')
    ben = await newUser('ben')
  })
  afterAll(async () => {
    await ann.remove()
    await ben.remove()
  })

  test('without a pool, the hint to set one up has sudo for accounts that need it', async () => {
    using pool = await daemonPool(0)
    chmodSync(pool.folder, 0o755)
    const hinted = async (chg: (...args: string[]) => Promise<Finished>) => {
      const { code, message } = failureOf(await chg('status', '--json'))
      return [code, message.includes("'sudo canhazgpu admin")]
    }
    expect(await hinted((...args) => ann.chg(pool, ...args))).toEqual(['pool-not-initialized', true])
    expect(await hinted(pool.chg)).toEqual(['pool-not-initialized', false])
    const waiting = failureOf(await ann.chg(pool, 'reserve', '--wait', '--json'))
    expect(waiting.message).toContain("'sudo canhazgpu admin")
  })

  test('each has its own reservations, and neither can change the pool', async () => {
    using pool = await daemonPool(2)
    chmodSync(pool.folder, 0o755)
    expect((await ann.chg(pool, 'reserve')).status).toBe(0)
    expect((await ben.chg(pool, 'release')).stdout).toBe('No manually reserved GPUs found for current user\n')
    expect(failureOf(await ben.chg(pool, 'release', '--gpu-ids', '0', '--json')).code).toBe('not-yours')
    expect(failureOf(await ben.chg(pool, 'admin', '--memory-threshold', '9', '--json')).code).toBe(
      'permission-denied',
    )
    expect(failureOf(await ben.chg(pool, 'admin', '--gpus', '2', '--force', '--json')).code).toBe(
      'permission-denied',
    )
    const [first] = await pool.status()
    expect([first?.user, first?.account]).toEqual([ann.name, ann.name])
  })
})
