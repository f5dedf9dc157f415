import { expect, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import { close, readInto } from '../../src/adapters/kernel/libc/descriptors.ts'
import { pollAny } from '../../src/adapters/kernel/poll.ts'
import { newSocketPair } from '../../src/adapters/kernel/spawn.ts'
import { storedPool } from '../support/database.ts'
import { binary, testPool } from '../support/pool.ts'

/** A `reserve` for a caller on another host, which has its GPUs and asks whether the caller still wants them. */
async function asking() {
  const pool = await testPool(1)
  const [ours, theirs] = newSocketPair()
  const stdio: ['ignore', 'ignore', 'pipe', number] = ['ignore', 'ignore', 'pipe', theirs]
  const child = Bun.spawn([binary, '__hosted', '3', 'reserve'], { env: pool.env, cwd: pool.folder, stdio })
  close(theirs)
  expect(pollAny([{ fd: ours, read: true }], 30_000)?.get(ours)?.readable).toBe(true)
  readInto(ours, new Uint8Array(1))
  expect(storedPool(pool).reservations).toHaveLength(1)
  return { pool, child, ours, [Symbol.dispose]: () => pool[Symbol.dispose]() }
}

for (const signal of ['SIGTERM', 'SIGHUP', 'SIGINT'] as const) {
  test(`after ${signal} at that moment it gives them back when the caller is gone`, async () => {
    using asked = await asking()
    asked.child.kill(signal)
    close(asked.ours)
    expect(await asked.child.exited).not.toBe(0)
    expect(storedPool(asked.pool).reservations).toEqual([])
  })
}

test('a signal that comes before it waits ends it all the same', async () => {
  using pool = await testPool(1)
  expect((await pool.chg('reserve')).status).toBe(0)
  const [ours, theirs] = newSocketPair()
  const stdio: ['ignore', 'ignore', 'ignore', number] = ['ignore', 'ignore', 'ignore', theirs]
  const child = Bun.spawn([binary, '__hosted', '3', 'reserve', '--wait'], {
    ...{ env: pool.env, cwd: pool.folder, stdio },
  })
  close(theirs)
  while (!handles(child.pid, SIGHUP)) if (child.exitCode !== null) throw new Error('it has ended')
  child.kill('SIGHUP')
  expect(await child.exited).toBe(130)
  expect(storedPool(pool).queue).toEqual([])
  close(ours)
})

const SIGHUP = 1

/** Whether the process has a handler for the signal. */
function handles(pid: number, signal: number): boolean {
  const caught = /^SigCgt:\t([0-9a-f]+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? '0'
  return ((BigInt(`0x${caught}`) >> BigInt(signal - 1)) & 1n) === 1n
}
