import { expect, test } from 'bun:test'
import { MUTANTS, mutated } from '../../simulation/mutants/list.ts'

const root = new URL('../../', import.meta.url).pathname

for (const mutant of MUTANTS) {
  test(`${mutant.name} can be planted`, async () => {
    const source = await Bun.file(`${root}${mutant.file}`).text()
    expect(mutated(source, mutant)).not.toBe(source)
  })
}

test('every mutant has a name of its own', () => {
  expect(new Set(MUTANTS.map(({ name }) => name)).size).toBe(MUTANTS.length)
})
