import { MUTANTS } from './list.ts'
import { plant } from './plant.ts'
import type { Plant } from './seams.ts'

/**
 * Runs some seeds without defects, and prints as JSON the seams whose code was entered. It is a separate program
 * because replacements must be planted before the modules are loaded.
 */
const SEEDS = 60

const entered = new Set<string>()

function watched(seam: string): Plant {
  return {
    seam,
    replace(original) {
      // Where a number is used is not seen: that its module is loaded must do.
      if (typeof original === 'number') {
        entered.add(seam)
        return original
      }
      if (typeof original !== 'function') throw new Error(`seam ${seam}: neither a function nor a class`)
      return new Proxy(original, {
        apply(target, receiver, given) {
          entered.add(seam)
          return Reflect.apply(target, receiver, given)
        },
        construct(target, given, made) {
          entered.add(seam)
          return Reflect.construct(target, given, made)
        },
      })
    },
  }
}

const seams = new Set(MUTANTS.flatMap(({ plants }) => plants.map(({ seam }) => seam)))
await plant([...seams].map(watched))
const { runScenario } = await import('../scenario-run.ts')
const { scenarioIn } = await import('../campaign.ts')
for (const world of ['machines', 'fleet'] as const)
  for (let seed = 1; seed <= SEEDS && entered.size < seams.size; seed++) runScenario(scenarioIn(world, seed))
console.log(JSON.stringify([...entered]))
