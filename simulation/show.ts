import { writeFileSync } from 'node:fs'
import { type Campaign, campaign, scenarioIn, type Tally, type World } from './campaign.ts'
import type { Scenario } from './scenario.ts'
import { type Outcome, runScenario } from './scenario-run.ts'
import { shrink } from './shrink.ts'

/** The output of `--json`, which the runs of mutants read. */
export interface Findings {
  readonly found: string | null
  readonly seed: number | null
  readonly steps: number
  readonly cpuSeconds: number
}

/** Runs one scenario and prints every event. */
export function showScenario(scenario: Scenario): number {
  return print(runScenario(scenario, true))
}

export const showSeed = (world: World, seed: number): number => showScenario(scenarioIn(world, seed))

/** Runs seeds until a violation. Then prints the shortest trace with that violation. */
export function showCampaign(
  asked: Campaign,
  { json, keep }: { readonly json: boolean; readonly keep: string | undefined },
): number {
  const tally = campaign(asked)
  const { failure } = tally
  if (json) {
    console.log(JSON.stringify(findingsOf(tally)))
    return failure === null ? 0 : 1
  }
  console.log(tallyText(tally))
  if (failure === null) return 0
  console.log(`\nSeed ${failure.seed} breaks ${failure.outcome.violation?.message}`)
  const shrunk = shrink(scenarioIn(asked.world, failure.seed))
  if (shrunk === null) {
    console.log('The second run has no violation: the simulation depends on more than the seed.')
    return 1
  }
  const { actions } = shrunk.scenario
  console.log(`Shrunk to ${actions.length} actions in ${shrunk.attempts} attempts:\n`)
  print(shrunk.outcome)
  if (keep !== undefined) writeFileSync(keep, `${JSON.stringify(shrunk.scenario, null, 2)}\n`)
  const options = asked.world === 'fleet' ? '--fleet ' : ''
  console.log(`\nThe whole trace: npm run simulate -- ${options}--seed ${failure.seed} --trace`)
  return 1
}

function findingsOf({ failure, steps, cpuSeconds }: Tally): Findings {
  return {
    found: failure?.outcome.violation?.message ?? null,
    seed: failure?.seed ?? null,
    steps,
    cpuSeconds,
  }
}

function tallyText({ scenarios, steps, seconds, cpuSeconds, virtualMs }: Tally): string {
  const rate = Math.round(steps / cpuSeconds).toLocaleString('en')
  const hours = (virtualMs / 3_600_000).toFixed(1)
  const done = `${scenarios} scenarios, ${steps.toLocaleString('en')} steps, ${hours} hours of virtual time`
  return `${done}, in ${seconds.toFixed(1)} s: ${rate} steps per second of CPU time`
}

function print({ lines, violation, hash, steps }: Outcome): number {
  for (const line of lines) console.log(line)
  console.log(`${steps} steps, trace ${hash}`)
  return violation === undefined ? 0 : 1
}
