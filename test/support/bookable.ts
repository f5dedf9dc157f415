import { expect } from 'bun:test'
import { chmodSync } from 'node:fs'
import type { BookingDocument, ScheduleDocument } from '../../src/views/schemas/schedule.ts'
import { type Finished, type TestPool, testPool } from './pool.ts'

/** A pool in which GPUs can be booked, for every user. */
export async function bookablePool<Pool extends TestPool = TestPool>(
  gpus: number,
  makePool: (gpus: number) => Promise<Pool> = testPool as never,
): Promise<Pool> {
  const pool = await makePool(0)
  chmodSync(pool.folder, 0o755)
  for (const line of [
    ['admin', '--gpus', String(gpus), '--provider', 'fake'],
    ['policy', 'set', 'max-duration', '2d'],
    ['policy', 'set', 'default-duration', '8h'],
    ['policy', 'set', 'bookings', 'on'],
  ]) {
    expect((await pool.chg(...line)).status).toBe(0)
  }
  return pool
}

export function documentOf<Document>({ status, stdout, stderr }: Finished): Document {
  if (status !== 0) throw new Error(`status ${status}: ${stderr}`)
  return JSON.parse(stdout)
}

export const book = async (pool: TestPool, at: string, ...options: string[]): Promise<BookingDocument> =>
  documentOf(await pool.chg('reserve', '--json', '--at', at, ...options))

export const schedule = async (pool: TestPool): Promise<ScheduleDocument> =>
  documentOf(await pool.chg('schedule', '--json'))
