import { expect, test } from 'bun:test'
import { SharedDriver } from '../../../src/app/sampling/shared-driver.ts'
import type { Pool } from '../../../src/domain/pool/model.ts'
import { poolOf, units } from '../../domain/pool/builders.ts'
import { controlledDriver, probeNumber } from './controlled-driver.ts'

function newStage() {
  const driver = controlledDriver()
  const opened: string[] = []
  const shared = new SharedDriver({
    ...driver,
    recentMs: () => driver.recentMs,
    open: ({ provider }: Pool) => {
      opened.push(provider)
      return { ...driver.provider, close: () => void opened.push(`${provider} closed`) }
    },
  })
  return { driver, shared, opened }
}

const POOL: Pool = writtenAt(0)

function writtenAt(ms: number): Pool {
  return poolOf(units(1), { provider: 'fake', writtenAt: { wall: 0, steady: { epoch: 'boot', ms } } })
}

test('a decision gets a new probe, a view a recent one', async () => {
  const { driver, shared } = newStage()
  const first = shared.sample(POOL, 'decision')
  await driver.answer()
  expect(await first).toEqual({ probe: probeNumber(1) })
  expect(await shared.sample(POOL, 'view')).toEqual({ probe: probeNumber(1) })
  const second = shared.sample(POOL, 'decision')
  await driver.answer()
  expect(await second).toEqual({ probe: probeNumber(2) })
})

test('a view of a pool that has changed gets a probe that began after the change', async () => {
  const { driver, shared } = newStage()
  const first = shared.sample(POOL, 'view')
  await driver.answer()
  await first
  await driver.pass(1_000)
  const changed = writtenAt(driver.clock() - 500)
  const second = shared.sample(changed, 'view')
  await driver.answer()
  expect(await second).toEqual({ probe: probeNumber(2) })
  expect(await shared.sample(changed, 'view')).toEqual({ probe: probeNumber(2) })
  const beforeReboot = writtenAt(driver.clock() + 86_400_000)
  expect(await shared.sample(beforeReboot, 'view')).toEqual({ probe: probeNumber(2) })
})

test('another driver of the pool is opened in place of the first', async () => {
  const { driver, shared, opened } = newStage()
  const samples = [shared.sample(POOL, 'decision'), shared.sample({ ...POOL, provider: 'nvml' }, 'decision')]
  await driver.answer()
  await driver.answer()
  await Promise.all(samples)
  shared.close()
  expect(opened).toEqual(['fake', 'fake closed', 'nvml', 'nvml closed'])
})

test('probes every two seconds while somebody waits, else every ten, and through failures', async () => {
  const { driver, shared } = newStage()
  const stop = new AbortController()
  let isWanted = false
  const sampling = shared.keepSampling({ pool: async () => POOL, isWanted: () => isWanted }, stop.signal)
  const probesIn = async (seconds: number) => {
    const before = driver.probes
    for (let second = 0; second < seconds; second++) {
      await driver.pass(1_000)
      if (driver.probes % 3 === 0) await driver.fail()
      else await driver.answer()
    }
    return driver.probes - before
  }
  await driver.answer()
  expect(driver.probes).toBe(1)
  expect(await probesIn(60)).toBe(6)
  isWanted = true
  await probesIn(2)
  expect(await probesIn(60)).toBe(30)
  isWanted = false
  await probesIn(10)
  expect(await probesIn(60)).toBe(6)
  stop.abort()
  await driver.answer()
  await sampling
  shared.close()
})

test('probes nothing while there is no pool', async () => {
  const { driver, shared } = newStage()
  const stop = new AbortController()
  let pool: Pool | undefined
  const sampling = shared.keepSampling({ pool: async () => pool, isWanted: () => true }, stop.signal)
  await driver.pass(60_000)
  expect(driver.probes).toBe(0)
  pool = POOL
  await driver.pass(2_000)
  await driver.answer()
  expect(driver.probes).toBe(1)
  stop.abort()
  await sampling
})
