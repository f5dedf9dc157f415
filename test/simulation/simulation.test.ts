import { describe, expect, test } from 'bun:test'
import { readdirSync } from 'node:fs'
import { campaign } from '../../simulation/campaign.ts'
import { type Scenario, scenarioOf } from '../../simulation/scenario.ts'
import { runScenario } from '../../simulation/scenario-run.ts'

const FIXED = { from: 1, count: 150 }
const FRESH_SECONDS = process.env.CI === 'true' ? 60 : 20
const regressions = `${import.meta.dir}/regressions`

describe('the simulated system', () => {
  test(`has no violation in seeds ${FIXED.from} to ${FIXED.from + FIXED.count - 1}`, () => {
    for (let seed = FIXED.from; seed < FIXED.from + FIXED.count; seed++) expectSound(scenarioOf(seed), seed)
  }, 120_000)

  test(
    `has no violation in fresh seeds for ${FRESH_SECONDS} s`,
    () => {
      const seed = Date.now() % 1_000_000_000
      const { failure, steps } = campaign({ seed, steps: Number.POSITIVE_INFINITY, seconds: FRESH_SECONDS })
      expect(
        failure === null ? null : violationText(failure.seed, failure.outcome.violation?.message),
      ).toBeNull()
      expect(steps).toBeGreaterThan(10_000)
    },
    (FRESH_SECONDS + 60) * 1000,
  )

  test('gives the same trace for the same seed, byte for byte', () => {
    for (const seed of [3, 57, 146]) {
      const once = runScenario(scenarioOf(seed), true)
      const again = runScenario(scenarioOf(seed), true)
      expect(again.lines.join('\n')).toBe(once.lines.join('\n'))
      expect([again.hash, runScenario(scenarioOf(seed)).hash]).toEqual([once.hash, once.hash])
    }
    expect(runScenario(scenarioOf(3)).hash).not.toBe(runScenario(scenarioOf(4)).hash)
  })
})

describe('regressions', () => {
  for (const name of readdirSync(regressions)) {
    test(`${name} has no violation`, async () => {
      const scenario: Scenario = await Bun.file(`${regressions}/${name}`).json()
      expectSound(scenario, scenario.seed)
    })
  }
})

function expectSound(scenario: Scenario, seed: number): void {
  const { violation } = runScenario(scenario)
  expect(violation === undefined ? null : violationText(seed, violation.message)).toBeNull()
}

const violationText = (seed: number, what: string | undefined): string =>
  `${what} - shrink it with: npm run simulate -- --seed ${seed} --steps 1`
