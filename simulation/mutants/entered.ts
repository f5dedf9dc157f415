import { MUTANTS } from './list.ts'
import { plant } from './plant.ts'
import type { Plant } from './seams.ts'

/**
 * Plays some seeds of the program as it is, and prints the seams that it entered, as JSON. A program of its own, since
 * seams must be planted before the modules are loaded.
 */
const SEEDS = 60

const entered = new Set<string>()

function watched(seam: string): Plant {
  return {
    seam,
    replace(original) {
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
const { scenarioOf } = await import('../scenario.ts')
for (let seed = 1; seed <= SEEDS && entered.size < seams.size; seed++) runScenario(scenarioOf(seed))
console.log(JSON.stringify([...entered]))
