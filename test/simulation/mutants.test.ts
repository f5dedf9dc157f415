import { describe, expect, test } from 'bun:test'
import { resolve } from 'node:path'
import { handful } from '../../simulation/mutants/handful.ts'
import { findingsWith } from '../../simulation/mutants/hunt.ts'
import { MUTANTS } from '../../simulation/mutants/list.ts'
import { withSeam } from '../../simulation/mutants/plant.ts'

const HANDFUL = 4
const SEED = 1
/** About seven times what the slowest that is hunted here takes on average, and seven seconds of a processor. */
const MOST_STEPS = 1_000_000
/** Only for one that hangs. */
const TIMEOUT_MS = 600_000

describe('planted defects', async () => {
  const entered = await enteredSeams()

  for (const { name, plants } of MUTANTS) {
    test(`${name} stands in place of code that the simulation enters`, () => {
      expect(plants.length).toBeGreaterThan(0)
      for (const { seam } of plants) expect(entered).toContain(seam)
    })
  }

  test('every mutant has a name of its own', () => {
    expect(new Set(MUTANTS.map(({ name }) => name)).size).toBe(MUTANTS.length)
  })
})

describe('some planted defects, others after each change of the program', async () => {
  for (const mutant of await handful(HANDFUL)) {
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
    test(`gets another name: ${declaration}`, () => {
      const changed = withSeam(`${declaration}`, SEAM)
      expect(changed).toContain(`${declaration.replace('export ', '').replace('rule', 'rule$original')}`)
      expect(changed).toContain(`export const rule = planted("${SEAM}", rule$original)`)
    })
  }

  test('that is not there, or more than once, is named', () => {
    for (const source of ['', 'function rule() {}', 'export const rules = []']) {
      expect(() => withSeam(source, SEAM)).toThrow(/seam src\/some\/module\.ts#rule: .* declares 0$/)
    }
    const overloads = 'export function rule(a: number): void\nexport function rule() {}'
    expect(() => withSeam(overloads, SEAM)).toThrow(/declares 2$/)
  })
})

/** Those of all mutants that the simulation enters. */
async function enteredSeams(): Promise<readonly string[]> {
  const program = resolve(import.meta.dir, '../../simulation/mutants/entered.ts')
  const child = Bun.spawn([process.execPath, program], { stdout: 'pipe', stderr: 'inherit' })
  return JSON.parse(await new Response(child.stdout).text())
}

const notFound = (name: string): string =>
  `${name} is not found within ${MOST_STEPS} steps - repeat it with: npm run simulate -- --mutant ${name} --seed ${SEED} --steps ${MOST_STEPS}`
