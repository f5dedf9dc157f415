import { describe, expect, test } from 'bun:test'
import { resolve } from 'node:path'
import { MUTANTS } from '../../simulation/mutants/list.ts'
import { withSeam } from '../../simulation/mutants/plant.ts'
import { findingsWith } from '../../simulation/mutants/run-mutants.ts'
import { selection } from '../../simulation/mutants/selection.ts'

const SELECTED = 4
const SEED = 1
/** About seven times the average of the slowest mutant that is run here: some seven seconds of CPU time. */
const MOST_STEPS = 1_000_000
/** Only for a simulation that hangs. */
const TIMEOUT_MS = 600_000

describe('planted defects', async () => {
  const entered = await enteredSeams()

  for (const { name, plants } of MUTANTS) {
    test(`${name} replaces code that the simulation enters`, () => {
      expect(plants.length).toBeGreaterThan(0)
      for (const { seam } of plants) expect(entered).toContain(seam)
    })
  }

  test('every mutant has its own name', () => {
    expect(new Set(MUTANTS.map(({ name }) => name)).size).toBe(MUTANTS.length)
  })
})

describe('a selection of the planted defects, which changes with the program', async () => {
  for (const mutant of await selection(SELECTED)) {
    const { name } = mutant
    test(
      `${name} is found`,
      async () => {
        const findings = await findingsWith(mutant, { seed: SEED, steps: MOST_STEPS })
        console.log(`mutant ${name}: ${findings?.found ?? 'not found'}`)
        expect(findings?.found == null ? notFound(name) : '').toBe('')
      },
      TIMEOUT_MS,
    )
  }
})

describe('a seam', () => {
  const SEAM = 'src/some/module.ts#rule'

  for (const declaration of [
    'export function rule(',
    'export async function rule(',
    'export const rule =',
    'export class rule ',
  ]) {
    test(`is renamed: ${declaration}`, () => {
      const changed = withSeam(`${declaration}`, SEAM)
      expect(changed).toContain(`${declaration.replace('export ', '').replace('rule', 'rule$original')}`)
      expect(changed).toContain(`export const rule = planted("${SEAM}", rule$original)`)
    })
  }

  test('that is missing, or declared more than once, is an error that names it', () => {
    for (const source of ['', 'function rule() {}', 'export const rules = []']) {
      expect(() => withSeam(source, SEAM)).toThrow(/seam src\/some\/module\.ts#rule: .* declares 0$/)
    }
    const overloads = 'export function rule(a: number): void\nexport function rule() {}'
    expect(() => withSeam(overloads, SEAM)).toThrow(/declares 2$/)
  })
})

/** The seams of all mutants that the simulation enters. */
async function enteredSeams(): Promise<readonly string[]> {
  const program = resolve(import.meta.dir, '../../simulation/mutants/entered.ts')
  const child = Bun.spawn([process.execPath, program], { stdout: 'pipe', stderr: 'inherit' })
  return JSON.parse(await new Response(child.stdout).text())
}

const notFound = (name: string): string =>
  `${name} is not found within ${MOST_STEPS} steps - repeat this with: npm run simulate -- --mutant ${name} --seed ${SEED} --steps ${MOST_STEPS}`
