import { expect } from 'bun:test'
import { rmSync } from 'node:fs'
import { startForever } from '../support/job.ts'
import { needing } from '../support/needs.ts'
import { testPool } from '../support/pool.ts'
import { isWatching, kill, supervisorsOf } from '../support/processes.ts'
import { mountSmallDisk } from '../support/small-disk.ts'
import { until } from '../support/until.ts'
import { storedQueue, waitToRun } from '../support/waiters.ts'

needing('mounts').test('a waiter whose grant cannot be written reports it, and leaves no entry', async () => {
  using pool = await testPool(0)
  const disk = await mountSmallDisk(pool)
  try {
    await pool.chg('admin', '--gpus', '2', '--provider', 'fake')
    const job = await startForever(pool, '--gpu-ids', '0')
    const supervisor = await until('it watches', () => supervisorsOf(pool).find(isWatching) ?? null)
    const waiter = await waitToRun(pool, '--gpu-ids', '0')
    await pool.sh(`dd if=/dev/zero of='${disk}/ballast' bs=1k count=4096`)
    // Fills the remaining space in the log of the database.
    await until('the disk is full', async () =>
      (await pool.chg('reserve', '--gpu-ids', '1')).status === 0
        ? (await pool.chg('release')).status !== 0
        : true,
    )
    kill(supervisor, 'SIGKILL')
    kill(job.pid, 'SIGKILL')
    expect(await waiter.ended()).toBe(125)
    expect(waiter.stderr()).toMatch(/\nError: [^\n]*full[^\n]*\n$/)
    rmSync(`${disk}/ballast`)
    expect((await pool.chg('reserve', '--gpu-ids', '0')).status).toBe(0)
    expect(storedQueue(pool)).toEqual([])
  } finally {
    for (const { process } of storedQueue(pool)) kill(process.pid, 'SIGKILL')
    await pool.sh(`umount -l '${disk}'`)
  }
})
