import { afterAll, beforeAll, expect } from 'bun:test'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { keptOpenNvmlProvider } from '../../../src/adapters/gpu/nvidia/nvml-kept-open.ts'
import { currentMoment } from '../../../src/adapters/kernel/clock.ts'
import { pause } from '../../../src/app/sampling/pause.ts'
import { SharedDriver } from '../../../src/app/sampling/shared-driver.ts'
import { nvmlEnvironment, nvmlScript } from '../../adapters/gpu/simulated-drivers.ts'
import { EIGHT_H100 } from '../../adapters/gpu/simulated-machine.ts'
import { poolOf, units } from '../../domain/pool/builders.ts'
import { needing } from '../../support/needs.ts'

let suite: string
beforeAll(() => {
  suite = mkdtempSync(`${tmpdir()}/canhazgpu-shared-`)
})
afterAll(() => rmSync(suite, { recursive: true, force: true }))

needing('gcc').test('while NVML hangs, views get the last good readings and decisions get none', async () => {
  const folder = mkdtempSync(`${suite}/machine-`)
  const play = (facts: string) => writeFileSync(`${folder}/nvml.txt`, `live\n${facts}`)
  const healthy = nvmlScript(EIGHT_H100)
  const env = await nvmlEnvironment(healthy, folder)
  play(healthy)
  const failures: (string | undefined)[] = []
  const driver = new SharedDriver({
    // Other tests of this account leave children behind on purpose.
    open: () => keptOpenNvmlProvider(env, () => 0),
    timeout: 2_000,
    recentMs: () => 2_000,
    clock: () => currentMoment().steady.ms,
    pause,
    onFailure: (failure) => void failures.push(failure?.code),
  })
  const pool = poolOf(units(8), { provider: 'nvml' })
  const { probe: good } = await driver.sample(pool, 'decision')
  expect(good.readings).toHaveLength(8)

  play('hang\n')
  const decision = driver.sample(pool, 'decision').then(
    () => 'granted',
    ({ code }) => code,
  )
  const changed = { ...pool, writtenAt: currentMoment() }
  const view = await driver.sample(changed, 'view')
  expect(view.probe).toBe(good)
  expect(view.stale?.failure.code).toBe('driver-unresponsive')
  expect(await decision).toBe('driver-unresponsive')

  play(healthy)
  const { probe: again } = await driver.sample(pool, 'decision')
  expect(again.readings).toHaveLength(8)
  expect(await driver.sample(changed, 'view')).toEqual({ probe: again })
  expect(failures).toEqual(['driver-unresponsive', undefined])
  driver.close()
})
