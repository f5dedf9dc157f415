import { describe, expect, test } from 'bun:test'
import { readdirSync } from 'node:fs'
import { campaign, scenarioIn, type World } from '../../simulation/campaign.ts'
import type { Scenario } from '../../simulation/scenario.ts'
import { runScenario } from '../../simulation/scenario-run.ts'

const isThorough = process.env.CI === 'true'
const WORLDS: readonly {
  world: World
  what: string
  seeds: number
  freshSeconds: number
  traced: readonly number[]
}[] = [
  {
    world: 'machines',
    what: 'the simulated system',
    seeds: 150,
    freshSeconds: isThorough ? 60 : 20,
    traced: [3, 57, 146],
  },
  {
    world: 'fleet',
    what: 'several simulated hosts',
    seeds: 20,
    freshSeconds: isThorough ? 60 : 5,
    traced: [3, 7],
  },
]
const regressions = `${import.meta.dir}/regressions`

for (const { world, what, seeds, freshSeconds, traced } of WORLDS) {
  describe(what, () => {
    test(`has no violation in seeds 1 to ${seeds}`, () => {
      for (let seed = 1; seed <= seeds; seed++) expectSound(scenarioIn(world, seed), repeated(world, seed))
    }, 120_000)

    test(
      `has no violation in fresh seeds for ${freshSeconds} s`,
      () => {
        const seed = Date.now() % 1_000_000_000
        const { failure, steps } = campaign({
          ...{ world, seed, steps: Number.POSITIVE_INFINITY, seconds: freshSeconds },
        })
        expect(
          failure === null
            ? null
            : `${failure.outcome.violation?.message} - ${repeated(world, failure.seed)}`,
        ).toBeNull()
        expect(steps).toBeGreaterThan(10_000)
      },
      (freshSeconds + 60) * 1000,
    )

    test('gives the same trace for the same seed, byte for byte', () => {
      for (const seed of traced) {
        const once = runScenario(scenarioIn(world, seed), true)
        const again = runScenario(scenarioIn(world, seed), true)
        expect(again.lines.join('\n')).toBe(once.lines.join('\n'))
        expect([again.hash, runScenario(scenarioIn(world, seed)).hash]).toEqual([once.hash, once.hash])
      }
      expect(runScenario(scenarioIn(world, 3)).hash).not.toBe(runScenario(scenarioIn(world, 4)).hash)
    })
  })
}

describe('regressions', () => {
  for (const name of readdirSync(regressions)) {
    test(`${name} has no violation`, async () => {
      const scenario: Scenario = await Bun.file(`${regressions}/${name}`).json()
      expectSound(scenario, `repeat it with: npm run simulate -- --scenario ${regressions}/${name}`)
    })
  }
})

function expectSound(scenario: Scenario, repeat: string): void {
  const { violation } = runScenario(scenario)
  expect(violation === undefined ? null : `${violation.message} - ${repeat}`).toBeNull()
}

const repeated = (world: World, seed: number): string =>
  `shrink it with: npm run simulate -- ${world === 'fleet' ? '--fleet ' : ''}--seed ${seed} --steps 1`
