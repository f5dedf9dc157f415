import { fleetScenarioOf } from './fleet/fleet-scenario.ts'
import { type Scenario, scenarioOf } from './scenario.ts'
import { type Outcome, runScenario } from './scenario-run.ts'

/** Machines that share nothing, or hosts with a notice board. */
export type World = 'machines' | 'fleet'

export const scenarioIn = (world: World, seed: number): Scenario =>
  world === 'fleet' ? fleetScenarioOf(seed) : scenarioOf(seed)

export interface Campaign {
  readonly world: World
  readonly seed: number
  readonly steps: number
  readonly seconds: number
}

export interface Tally {
  readonly scenarios: number
  readonly steps: number
  readonly virtualMs: number
  readonly seconds: number
  readonly cpuSeconds: number
  /** The first seed with a violation. */
  readonly failure: { readonly seed: number; readonly outcome: Outcome } | null
}

/** Runs seed after seed until a violation, or until the limit of steps or time. */
export function campaign({ world, seed, steps, seconds }: Campaign): Tally {
  // Refusals throw many errors per second, and nothing reads their stack.
  Error.stackTraceLimit = 0
  const start = performance.now()
  const elapsed = () => (performance.now() - start) / 1000
  const startCpu = process.cpuUsage()
  const tally = () => {
    const { user, system } = process.cpuUsage(startCpu)
    const cpuSeconds = (user + system) / 1e6
    return { scenarios, steps: done, virtualMs, seconds: elapsed(), cpuSeconds }
  }
  let done = 0
  let virtualMs = 0
  let scenarios = 0
  while (done < steps && elapsed() < seconds) {
    const current = seed + scenarios
    const outcome = runScenario(scenarioIn(world, current))
    scenarios++
    done += outcome.steps
    virtualMs += outcome.length
    if (outcome.violation !== undefined) {
      return { ...tally(), failure: { seed: current, outcome } }
    }
  }
  return { ...tally(), failure: null }
}
