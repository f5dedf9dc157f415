import { expect, test } from 'bun:test'
import type { StatusDocument } from '../../src/views/schemas/status.ts'
import { daemonPool } from '../support/daemon.ts'
import { failureOf } from '../support/failure.ts'
import { until } from '../support/until.ts'

test('while the driver hangs, the last good readings are shown as stale, and nothing is granted', async () => {
  using pool = await daemonPool(2)
  pool.env.CANHAZGPU_PROBE_TIMEOUT = '1s'
  pool.daemon().kill('SIGKILL')
  await pool.daemon().exited
  await pool.restart()
  const readings = async () => {
    const gpus: StatusDocument[] = JSON.parse((await pool.chg('status', '--json')).stdout)
    return gpus.map(({ status, stale }) => [status, stale?.reason_code])
  }
  const isStale = async () => (await readings())[0]?.[1] !== undefined
  expect(await readings()).toEqual([
    ['AVAILABLE', undefined],
    ['AVAILABLE', undefined],
  ])

  pool.setFakeDriver({ hang: true })
  await until('the readings are stale', isStale)
  expect(await readings()).toEqual([
    ['AVAILABLE', 'driver-unresponsive'],
    ['AVAILABLE', 'driver-unresponsive'],
  ])
  const unresponsive = { code: 'driver-unresponsive', status: 1 }
  expect(failureOf(await pool.chg('status', '--json'))).toMatchObject(unresponsive)
  expect(failureOf(await pool.chg('reserve', '--json'))).toMatchObject(unresponsive)

  pool.setFakeDriver({})
  await until('the readings are current', async () => !(await isStale()))
  expect((await pool.chg('reserve', '--gpus', '2')).status).toBe(0)
})
