import { describe, expect, test } from 'bun:test'
import { readdirSync } from 'node:fs'
import { campaign, scenarioIn, type World } from '../../simulation/campaign.ts'
import type { Scenario } from '../../simulation/scenario.ts'
import { runScenario } from '../../simulation/scenario-run.ts'
import { sources } from '../support/sources.ts'

const isThorough = process.env.CI === 'true'
const WORLDS: readonly {
  world: World
  what: string
  seeds: number
  /** Steps from further seeds. */
  furtherSteps: number
  traced: readonly number[]
}[] = [
  {
    world: 'machines',
    what: 'the simulated system',
    seeds: 150,
    furtherSteps: isThorough ? 3_000_000 : 1_000_000,
    traced: [3, 57, 146],
  },
  {
    world: 'fleet',
    what: 'several simulated hosts',
    seeds: 20,
    furtherSteps: isThorough ? 2_000_000 : 300_000,
    traced: [3, 7],
  },
]
const regressions = `${import.meta.dir}/regressions`

async function seedOfSources(): Promise<number> {
  const files = (await sources()).toSorted((a, b) => (a.path < b.path ? -1 : 1))
  return Number(Bun.hash(files.map(({ text }) => text).join('')) % 1_000_000_000n)
}

for (const { world, what, seeds, furtherSteps, traced } of WORLDS) {
  describe(what, () => {
    test(`has no violation in seeds 1 to ${seeds}`, () => {
      for (let seed = 1; seed <= seeds; seed++) expectSound(scenarioIn(world, seed), repeated(world, seed))
    }, 300_000)

    // The seeds depend on the program, so a test of the same program gives the same result. `npm run simulate` takes
    // fresh ones.
    test(`has no violation in ${furtherSteps} steps from other seeds for each version of the program`, async () => {
      const seed = await seedOfSources()
      const { failure, steps } = campaign({
        ...{ world, seed, steps: furtherSteps, seconds: Number.POSITIVE_INFINITY },
      })
      expect(
        failure === null ? null : `${failure.outcome.violation?.message} - ${repeated(world, failure.seed)}`,
      ).toBeNull()
      expect(steps).toBeGreaterThanOrEqual(furtherSteps)
    }, 300_000)

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
