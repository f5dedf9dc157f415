import { resolve } from 'node:path'
import type { Findings } from '../show.ts'
import { MUTANTS, type Mutant } from './list.ts'

const SECONDS = 60

/** Plants one defect after the other, each in a process of its own; every one must be found in time. */
export async function hunt(seed: number): Promise<number> {
  console.log(`Mutants, from seed ${seed}\n`)
  let missed = 0
  for (const mutant of MUTANTS) {
    const findings = await findingsWith(mutant, seed)
    const found = findings?.found
    if (found === undefined || found === null) missed++
    console.log(`${mutant.name.padEnd(34)} ${findings === null ? 'could not be planted' : words(findings)}`)
  }
  console.log(`\n${MUTANTS.length - missed} of ${MUTANTS.length} found`)
  return missed === 0 ? 0 : 1
}

async function findingsWith({ name }: Mutant, seed: number): Promise<Findings | null> {
  const main = resolve(import.meta.dir, '../main.ts')
  const options = [
    '--mutant',
    name,
    '--seed',
    String(seed),
    '--seconds',
    String(SECONDS),
    '--steps',
    'Infinity',
    '--json',
  ]
  const child = Bun.spawn([process.execPath, main, ...options], {
    stdout: 'pipe',
    stderr: 'inherit',
    timeout: 2 * SECONDS * 1000,
  })
  const text = await new Response(child.stdout).text()
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}

function words({ found, seconds, steps, seed }: Findings): string {
  const effort = `${seconds.toFixed(1).padStart(5)} s ${String(steps).padStart(8)} steps`
  if (found === null) return `NOT FOUND in ${effort}`
  return `${effort}  seed ${seed}  ${found.slice(0, 70)}`
}
