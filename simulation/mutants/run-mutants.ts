import { resolve } from 'node:path'
import type { Findings } from '../show.ts'
import { MUTANTS, type Mutant } from './list.ts'

/** About a minute on a fast processor. A defect that needs more steps counts as not found. */
const MOST_STEPS = 5_000_000

/** Only for a simulation that hangs. */
const KILL_AFTER_MS = 30 * 60_000

/** The first seed, and the most steps. Steps are the same on every machine. */
export interface Effort {
  readonly seed: number
  readonly steps: number
}

/** Runs the simulation with each defect. Returns 1 if one of them is not found. */
export async function runMutants(seed: number): Promise<number> {
  console.log(`Mutants, from seed ${seed}\n`)
  let missed = 0
  for (const mutant of MUTANTS) {
    const findings = await findingsWith(mutant, { seed, steps: MOST_STEPS })
    if (findings?.found == null) missed++
    console.log(
      `${mutant.name.padEnd(34)} ${findings === null ? 'could not be planted' : findingsText(findings)}`,
    )
  }
  console.log(`\n${MUTANTS.length - missed} of ${MUTANTS.length} found`)
  return missed === 0 ? 0 : 1
}

/** Runs the simulation with the defect in a separate process; null if that process fails. */
export async function findingsWith({ name }: Mutant, { seed, steps }: Effort): Promise<Findings | null> {
  const main = resolve(import.meta.dir, '../main.ts')
  const options = ['--mutant', name, '--seed', String(seed), '--steps', String(steps), '--json']
  const child = Bun.spawn([process.execPath, main, ...options], {
    stdout: 'pipe',
    stderr: 'inherit',
    timeout: KILL_AFTER_MS,
  })
  const text = await new Response(child.stdout).text()
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}

function findingsText({ found, cpuSeconds, steps, seed }: Findings): string {
  const effort = `${cpuSeconds.toFixed(1).padStart(5)} s ${String(steps).padStart(8)} steps`
  if (found === null) return `NOT FOUND in ${effort}`
  return `${effort}  seed ${seed}  ${found.slice(0, 70)}`
}
