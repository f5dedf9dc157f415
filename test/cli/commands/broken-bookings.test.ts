import { describe, expect, test } from 'bun:test'
import type { AuditDocument } from '../../../src/views/schemas/audit.ts'
import type { BookingDocument } from '../../../src/views/schemas/schedule.ts'
import { book, bookablePool, documentOf } from '../../support/bookable.ts'
import { storedPool } from '../../support/database.ts'
import { failureOf } from '../../support/failure.ts'
import { needing } from '../../support/needs.ts'
import type { TestPool } from '../../support/pool.ts'
import { userForTests } from '../../support/unix-users.ts'

const historyOf = async (pool: TestPool): Promise<AuditDocument['changes']> =>
  documentOf<AuditDocument>(await pool.chg('policy', '--history', '--json')).changes

describe('a change of the GPUs', () => {
  test('that would break a booking is refused with it: a drain, and other GPUs', async () => {
    using pool = await bookablePool(2)
    const { booking } = await book(pool, 'in 3h', '--gpus', '2', '--gpu-type', 'fake')
    pool.setFakeDriver({ gpus: { 0: { name: 'H100', uuid: 'x' } } })
    for (const line of [
      ['drain', '--json', '1'],
      ['admin', '--json', '--refresh'],
    ]) {
      const refused = failureOf(await pool.chg(...line))
      expect(refused).toMatchObject({ code: 'not-enough-gpus', status: 75 })
      expect(refused.reason).toMatchObject({ code: 'breaks-bookings', lost_bookings: [{ booking }] })
      expect(refused.hint).toContain(`'canhazgpu release ${booking}'`)
    }
    expect(storedPool(pool).bookings).toMatchObject([{ id: booking }])
    expect(await historyOf(pool)).toHaveLength(4)
    expect((await pool.chg('release', booking)).status).toBe(0)
    expect((await pool.chg('admin', '--refresh')).status).toBe(0)
    expect((await pool.chg('drain', '1')).status).toBe(0)
  })

  test('by --force names the bookings that are lost, also in the history', async () => {
    using pool = await bookablePool(2)
    const { booking } = await book(pool, 'in 3h', '--gpus', '2')
    const set = documentOf(await pool.chg('admin', '--json', '--gpus', '1', '--force'))
    expect(set).toMatchObject({ lost_bookings: [{ booking }] })
    const [newest] = await historyOf(pool)
    expect(newest).toMatchObject({ change: 'cancel', booking, gpus: 2 })
  })
})

needing('users').describe('another account', () => {
  const ann = userForTests('ann')

  test("an administrator's cancelling of a booking is in the history", async () => {
    using pool = await bookablePool(1)
    const other = ann
    const booked = documentOf<BookingDocument>(
      await other.chg(pool, 'reserve', '--json', '--at', 'in 3h', '--duration', '1h'),
    )
    expect((await pool.chg('release', booked.booking)).status).toBe(0)
    const [newest] = await historyOf(pool)
    expect(newest).toMatchObject({ change: 'cancel', booking: booked.booking, account: other.name, gpus: 1 })
  })
})
