import { Database } from 'bun:sqlite'
import { expect, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import { storedPool } from '../support/database.ts'
import { failureOf, onlyFailureOf } from '../support/failure.ts'
import { finished, type TestPool, testPool } from '../support/pool.ts'
import { isWatching } from '../support/processes.ts'
import { CTRL_C, openTerminal } from '../support/terminal.ts'
import { ownName } from '../support/unix-users.ts'
import { until } from '../support/until.ts'

/** Another process that holds the lock for writing, or for the whole database, until it is disposed. */
async function holdLock(pool: TestPool, how: 'writing' | 'everything' = 'writing') {
  const begin =
    how === 'writing'
      ? "db.run('BEGIN IMMEDIATE')"
      : "db.run('PRAGMA locking_mode = EXCLUSIVE'); db.run('BEGIN EXCLUSIVE'); db.run('UPDATE pool SET turns = turns')"
  const script = `
    const { Database } = require('bun:sqlite')
    const db = new Database('${pool.database}', { readwrite: true, create: false })
    db.run('PRAGMA busy_timeout = 10000')
    ${begin}
    console.log('held')
    setInterval(() => {}, 1000)`
  const holder = Bun.spawn([process.execPath, '-e', script], { stdout: 'pipe', stderr: 'inherit' })
  await holder.stdout.getReader().read()
  return {
    pid: holder.pid,
    [Symbol.asyncDispose]: async () => {
      holder.kill('SIGKILL')
      await holder.exited
    },
  }
}

test.concurrent.each(['writing', 'everything'] as const)(
  'a wait times out while another process holds the lock of %s, and the error names it',
  async (how) => {
    using pool = await testPool(1)
    await using holder = await holdLock(pool, how)
    const who = `process ${holder.pid} (${nameOf(holder.pid)}, user ${ownName()})`
    for (const command of [
      ['reserve', '--json', '--wait', '1s'],
      ['run', '--json', '--wait', '1s', '--', 'true'],
    ]) {
      expect(onlyFailureOf(await pool.chg(...command))).toMatchObject({
        ...{ code: 'wait-timed-out', message: expect.stringContaining(who), status: 75 },
      })
    }
  },
)

test.concurrent('a waiter times out and removes its entry while another process holds the lock', async () => {
  using pool = await testPool(1)
  await pool.chg('reserve')
  const waiting = pool.chg('reserve', '--wait', '5s')
  await until('the request waits', () => storedPool(pool).queue.length === 1)
  {
    await using _ = await holdLock(pool)
    const { status } = await waiting
    expect(status).toBe(75)
  }
  expect((await pool.chg('queue')).stdout).not.toContain('reserve')
  await pool.chg('release')
  expect((await pool.chg('reserve')).status).toBe(0)
})

test.concurrent.each(['SIGTERM', 'SIGINT'] as const)('%s ends a wait for the lock', async (signal) => {
  using pool = await testPool(1)
  await using _ = await holdLock(pool)
  const waiting = pool.start('reserve', '--json', '--wait')
  // The command handles signals before it watches the pool.
  await until('the process watches the pool', () => isWatching(waiting.pid))
  waiting.kill(signal)
  expect(onlyFailureOf(await finished(waiting))).toMatchObject({ code: 'interrupted', status: 130 })
})

test.concurrent('Ctrl-C on a terminal ends a wait for the lock', async () => {
  using pool = await testPool(1)
  await using _ = await holdLock(pool)
  using terminal = openTerminal(pool, [pool.env.CHG ?? '', 'reserve', '--wait'])
  // The command handles signals before it watches the pool.
  await until('the process watches the pool', () => isWatching(terminal.process.pid))
  terminal.type(CTRL_C)
  await terminal.see('Interrupted')
  expect(await terminal.process.exited).toBe(130)
})

/** A process with an exclusive lock on bytes of a file, which every user can take. */
async function holdBytes(file: string, first: number, count: number) {
  const sources = `${import.meta.dir}/../../src/adapters/kernel/libc`
  const script = `
    import { fcntl, open } from '${sources}/descriptors.ts'
    import { addressOf } from '${sources}/memory.ts'
    const fd = open('${file}', 2)
    const lock = new DataView(new ArrayBuffer(32))
    lock.setInt16(0, 1, true)
    lock.setBigInt64(8, ${first}n, true)
    lock.setBigInt64(16, ${count}n, true)
    console.log(fcntl(fd, 6, addressOf(new Uint8Array(lock.buffer))))
    setInterval(() => {}, 1000)`
  const holder = Bun.spawn([process.execPath, '-e', script], { stdout: 'pipe', stderr: 'inherit' })
  const { value } = await holder.stdout.getReader().read()
  expect(new TextDecoder().decode(value).trim()).toBe('0')
  return {
    pid: holder.pid,
    [Symbol.asyncDispose]: async () => {
      holder.kill('SIGKILL')
      await holder.exited
    },
  }
}

test.concurrent.each([
  ['all locks of the log', '-shm', 120, 9],
  ['the locks of readers', '-shm', 123, 5],
  ['the lock of every process with an open log', '-shm', 128, 1],
  ['the lock that keeps SQLite from a foreign journal', '', 0x40000001, 1],
] as const)(
  'a wait times out while another process holds %s, and the error names it',
  async (_, ending, first, count) => {
    using pool = await testPool(1)
    await using holder = await holdBytes(pool.database + ending, first, count)
    const failure = onlyFailureOf(await pool.chg('reserve', '--json', '--wait', '1s'))
    expect(failure).toMatchObject({ code: 'wait-timed-out', status: 75 })
    expect(failure.message).toContain(pool.database)
    expect(failure.message).toContain(`process ${holder.pid} (`)
  },
)

test.concurrent('SIGINT ends a waiter while another process holds the locks of readers', async () => {
  using pool = await testPool(1)
  await pool.chg('reserve')
  const waiting = pool.start('reserve', '--json', '--wait')
  await until('the request waits', () => storedPool(pool).queue.length === 1 && isWatching(waiting.pid))
  await using _ = await holdBytes(`${pool.database}-shm`, 123, 5)
  waiting.kill('SIGINT')
  expect(failureOf(await finished(waiting))).toMatchObject({ code: 'interrupted', status: 130 })
})

test.concurrent('the lock for writing does not block a reader', async () => {
  using pool = await testPool(2)
  await using _ = await holdLock(pool)
  for (const command of [['status'], ['queue'], ['report'], ['admin', '--check']]) {
    const { status } = await pool.chg(...command)
    expect(status).toBe(0)
  }
  // A refusal changes nothing and needs no lock.
  expect(await pool.chg('reserve', '--gpus', '3')).toMatchObject({ status: 2 })
})

test.concurrent('a command without --wait waits for the lock, and continues when it is free', async () => {
  using pool = await testPool(1)
  const db = new Database(pool.database, { readwrite: true, create: false })
  db.run('BEGIN IMMEDIATE')
  const reserving = pool.start('reserve')
  await until('the command has opened the database', () =>
    readFileSync(`/proc/${reserving.pid}/maps`, 'utf8').includes(`${pool.database}-shm`),
  )
  db.run('ROLLBACK')
  db.close()
  expect((await finished(reserving)).status).toBe(0)
})

test.concurrent('after 30 s a command without --wait gives up and names the holder', async () => {
  using pool = await testPool(1)
  await using holder = await holdLock(pool)
  expect(onlyFailureOf(await pool.chg('reserve', '--json'))).toMatchObject({
    ...{ code: 'store-busy', message: expect.stringContaining(`process ${holder.pid} (`), status: 1 },
  })
}, 90_000)

const nameOf = (pid: number): string => readFileSync(`/proc/${pid}/comm`, 'utf8').trim()
