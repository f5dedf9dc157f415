import { resolve } from 'node:path'
import { mutantNamed, mutated } from './list.ts'

const root = resolve(import.meta.dir, '../..')

/** From now on that file is loaded with the defect in it. Nothing of what is under test may be loaded yet. */
export async function plant(name: string): Promise<void> {
  const mutant = mutantNamed(name)
  const path = resolve(root, mutant.file)
  const contents = mutated(await Bun.file(path).text(), mutant)
  const filter = new RegExp(`${path.replaceAll(/[.+/]/g, '\\$&')}$`)
  await Bun.plugin({
    name: `mutant ${name}`,
    setup(build) {
      build.onLoad({ filter }, () => ({ contents, loader: 'ts' }))
    },
  })
}
