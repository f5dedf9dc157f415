import { expect } from 'bun:test'
import { chmodSync, mkdirSync } from 'node:fs'
import type { TestPool } from './pool.ts'

/** Mounts a file system of 512 KB in the folder of the pool, before the pool is set up. The caller unmounts it. */
export async function mountSmallDisk(pool: TestPool): Promise<string> {
  const disk = `${pool.folder}/pool`
  mkdirSync(disk)
  expect((await pool.sh(`mount -t tmpfs -o size=512k tmpfs '${disk}'`)).status).toBe(0)
  chmodSync(disk, 0o1777)
  return disk
}
