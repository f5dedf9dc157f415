import { resolve } from 'node:path'
import { Glob } from 'bun'
import { MUTANTS, type Mutant } from './list.ts'

const root = resolve(import.meta.dir, '../..')
const SOURCES = '{src/app,src/domain,simulation}/**/*.ts'

/** At most `size` of the mutants that are not rare. The sources decide which: a change of them selects others. */
export async function selection(size: number): Promise<readonly Mutant[]> {
  const common = MUTANTS.filter(({ isRare = false }) => !isRare)
  const selections = Math.ceil(common.length / size)
  const chosen = (await sourceNumber()) % selections
  return common.filter((_, place) => place % selections === chosen)
}

async function sourceNumber(): Promise<number> {
  const paths = [...new Glob(SOURCES).scanSync(root)].sort()
  const texts = await Promise.all(paths.map((path) => Bun.file(resolve(root, path)).text()))
  return Bun.hash.crc32(texts.join(''))
}
