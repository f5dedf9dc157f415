import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { SharedProbes } from '../../../src/app/sampling/shared-probes.ts'
import { CanhazgpuError } from '../../../src/domain/errors.ts'
import { controlledDriver, numberOf, probeNumber } from './controlled-driver.ts'

function newStage() {
  const driver = controlledDriver()
  return { driver, probes: new SharedProbes(driver) }
}

/** A driver that has answered once. */
async function afterOneAnswer() {
  const stage = newStage()
  const first = stage.probes.fresh()
  await stage.driver.answer()
  expect(await first).toEqual(probeNumber(1))
  return stage
}

const failureOf = (probe: Promise<unknown>): Promise<CanhazgpuError> =>
  probe.then(
    () => {
      throw new Error('it succeeded')
    },
    (error: CanhazgpuError) => error,
  )

describe('a fresh probe', () => {
  test('begins after the request: who asks during a probe gets the next one', async () => {
    const { driver, probes } = newStage()
    const first = probes.fresh()
    const later = Array.from({ length: 500 }, () => probes.fresh())
    await driver.answer()
    expect(await first).toEqual(probeNumber(1))
    expect(driver).toMatchObject({ probes: 2, running: 1 })
    await driver.answer()
    for (const probe of later) expect(await probe).toEqual(probeNumber(2))
    expect(driver).toMatchObject({ probes: 2, running: 0 })
  })

  test('is never an old one, however recent', async () => {
    const { driver, probes } = await afterOneAnswer()
    const second = probes.fresh()
    await driver.answer()
    expect(await second).toEqual(probeNumber(2))
  })

  test('fails if the driver does, whatever it answered before, and the next request asks again', async () => {
    const { driver, probes } = await afterOneAnswer()
    const failing = failureOf(probes.fresh())
    const next = probes.fresh()
    await driver.fail()
    expect(await failing).toMatchObject({ code: 'driver-failed' })
    await driver.answer()
    expect(await next).toEqual(probeNumber(3))
  })

  test('a driver that throws at once fails like any other', async () => {
    const { driver } = newStage()
    let isBroken = true
    const probe = () => {
      if (isBroken) throw new CanhazgpuError('driver-missing', 'none')
      return driver.provider.probe()
    }
    const probes = new SharedProbes({ ...driver, provider: { probe } })
    expect(await failureOf(probes.fresh())).toMatchObject({ code: 'driver-missing' })
    isBroken = false
    const good = probes.fresh()
    await driver.answer()
    expect(await good).toEqual(probeNumber(1))
  })
})

describe('a recent probe', () => {
  test('is the last one for two seconds, then a new one', async () => {
    const { driver, probes } = await afterOneAnswer()
    await driver.pass(2_000)
    expect(await probes.recent()).toEqual({ probe: probeNumber(1) })
    expect(driver.probes).toBe(1)
    await driver.pass(1)
    const second = probes.recent()
    await driver.answer()
    expect(await second).toEqual({ probe: probeNumber(2) })
  })

  test('may be one that is running', async () => {
    const { driver, probes } = newStage()
    const running = probes.fresh()
    await driver.pass(1_500)
    const recent = probes.recent()
    await driver.answer()
    expect(await recent).toEqual({ probe: await running })
    expect(driver.probes).toBe(1)
  })

  test('counts its age from the beginning of the probe', async () => {
    const { driver, probes } = newStage()
    const slow = probes.fresh()
    await driver.pass(2_500)
    await driver.answer()
    await slow
    const recent = probes.recent()
    await driver.answer()
    expect(await recent).toEqual({ probe: probeNumber(2) })
  })

  test('of a driver that fails is the last good one, marked as stale', async () => {
    const { driver, probes } = await afterOneAnswer()
    await driver.pass(60_000)
    const shown = probes.recent()
    await driver.fail('GPU is lost')
    expect(await shown).toEqual({
      probe: probeNumber(1),
      stale: { ageMs: 60_000, failure: expect.objectContaining({ message: 'GPU is lost' }) },
    })
  })

  test('of a driver that hangs is stale after a second, and at once while the probe still runs', async () => {
    const { driver, probes } = await afterOneAnswer()
    await driver.pass(60_000)
    const first = probes.recent()
    await driver.pass(999)
    expect(await Promise.race([first, 'not yet'])).toBe('not yet')
    await driver.pass(1)
    expect((await first).stale).toEqual({
      ageMs: 61_000,
      failure: expect.objectContaining({ code: 'driver-unresponsive' }),
    })
    const second = probes.recent()
    await driver.pass(0)
    expect((await second).stale?.ageMs).toBe(61_000)
    const granted = failureOf(probes.fresh())
    await driver.fail('it did not answer within 10 s')
    await driver.fail('it did not answer within 10 s')
    expect(await granted).toMatchObject({ message: 'it did not answer within 10 s' })
  })

  test('is fresh again as soon as the driver answers', async () => {
    const { driver, probes } = await afterOneAnswer()
    await driver.pass(60_000)
    const stale = probes.recent()
    await driver.fail()
    expect((await stale).stale).toBeDefined()
    const good = probes.recent()
    await driver.answer()
    expect(await good).toEqual({ probe: probeNumber(3) })
  })

  test('is waited for longer if the driver is always slow', async () => {
    const { driver, probes } = newStage()
    const slow = probes.fresh()
    await driver.pass(3_000)
    await driver.answer()
    await slow
    const recent = probes.recent()
    await driver.pass(8_999)
    expect(await Promise.race([recent, 'not yet'])).toBe('not yet')
    await driver.answer()
    expect(await recent).toEqual({ probe: probeNumber(2) })
  })

  test('fails if there never was a good one', async () => {
    const { driver, probes } = newStage()
    const failing = failureOf(probes.recent())
    await driver.fail('GPU is lost')
    expect(await failing).toMatchObject({ message: 'GPU is lost' })
  })
})

test('a change of health is reported once', async () => {
  const { driver, probes } = await afterOneAnswer()
  for (const message of ['GPU is lost', 'GPU is lost', 'Unknown Error']) {
    const failing = failureOf(probes.fresh())
    await driver.fail(message)
    await failing
  }
  for (let i = 0; i < 2; i++) {
    const good = probes.fresh()
    await driver.answer()
    await good
  }
  expect(driver.failures).toEqual(['GPU is lost', 'Unknown Error', undefined])
})

test('in every order of requests and answers, no probe is older than its request allows', async () => {
  const step = fc.constantFrom('fresh', 'recent', 'answer', 'fail', 'pass')
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
      const { driver, probes } = newStage()
      const checks: Promise<unknown>[] = []
      for (const each of steps) {
        const begun = driver.probes
        const earliest = driver.clock() - 2_000
        switch (each) {
          case 'fresh':
            checks.push(
              probes.fresh().then((probe) => expect(numberOf(probe)).toBeGreaterThan(begun), failed),
            )
            break
          case 'recent':
            checks.push(
              probes.recent().then(({ probe, stale }) => {
                if (stale === undefined) {
                  expect(driver.begunAt[numberOf(probe)]).toBeGreaterThanOrEqual(earliest)
                }
              }, failed),
            )
            break
          case 'pass':
            await driver.pass(700)
            break
          default:
            await driver[each]()
        }
        expect(driver.running).toBeLessThanOrEqual(1)
      }
      await driver.pass(0)
      while (driver.running > 0) await driver.answer()
      await Promise.all(checks)
    }),
  )
})

/** A request may fail if the driver does. */
function failed(error: unknown): void {
  if (!(error instanceof CanhazgpuError)) throw error
}
