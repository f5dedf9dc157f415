import { parseArgs } from 'node:util'
import type { World } from './campaign.ts'
import { mutantNamed } from './mutants/list.ts'
import { plant } from './mutants/plant.ts'

const USAGE = `Usage: npm run simulate -- [options]
  --fleet       several hosts with a notice board, which run commands for each other
  --seed S      first seed (default: by the clock)
  --steps N     most steps (default: 5000000)
  --seconds T   time limit (default: none)
  --trace       run one seed and print every event
  --scenario F  run the scenario in this file instead, and print every event
  --keep F      write the shrunk scenario of a failure to this file
  --mutants     plant each known defect; each must be found within 5000000 steps
  --mutant M    plant this defect`

const { values } = parseArgs({
  options: {
    fleet: { type: 'boolean', default: false },
    seed: { type: 'string' },
    steps: { type: 'string', default: '5000000' },
    seconds: { type: 'string', default: 'Infinity' },
    trace: { type: 'boolean', default: false },
    scenario: { type: 'string' },
    keep: { type: 'string' },
    mutants: { type: 'boolean', default: false },
    mutant: { type: 'string' },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})

process.exit(await main())

/** Defects must be planted before the code under test is loaded. */
async function main(): Promise<number> {
  if (values.help) {
    console.log(USAGE)
    return 0
  }
  const seed = values.seed === undefined ? Date.now() % 1_000_000_000 : Number(values.seed)
  if (values.mutants) {
    const { runMutants } = await import('./mutants/run-mutants.ts')
    return runMutants(seed)
  }
  const mutant = values.mutant === undefined ? undefined : mutantNamed(values.mutant)
  if (mutant !== undefined) await plant(mutant.plants)
  const shown = await import('./show.ts')
  if (values.scenario !== undefined) return shown.showScenario(await Bun.file(values.scenario).json())
  const world: World = values.fleet ? 'fleet' : (mutant?.world ?? 'machines')
  if (values.trace) return shown.showSeed(world, seed)
  const campaign = { world, seed, steps: Number(values.steps), seconds: Number(values.seconds) }
  return shown.showCampaign(campaign, { json: values.json, keep: values.keep })
}
