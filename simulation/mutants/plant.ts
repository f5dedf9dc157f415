import { resolve } from 'node:path'
import type { Plant } from './seams.ts'

const root = resolve(import.meta.dir, '../..')
const plants = new Map<string, Plant>()

/**
 * Makes the modules of these seams load with the replacements. The code under test must not be loaded before this
 * call.
 */
export async function plant(planned: readonly Plant[]): Promise<void> {
  for (const each of planned) plants.set(each.seam, each)
  const seamsByFile = Map.groupBy(plants.keys(), (seam) => seam.split('#')[0] ?? '')
  for (const [file, seams] of seamsByFile) await plantIn(resolve(root, file), seams)
}

async function plantIn(path: string, seams: readonly string[]): Promise<void> {
  const contents = seams.reduce(withSeam, await Bun.file(path).text())
  const filter = new RegExp(`${path.replaceAll(/[.+/]/g, '\\$&')}$`)
  await Bun.plugin({
    name: `defects in ${path}`,
    setup: (build) => {
      build.onLoad({ filter }, () => ({ contents, loader: 'ts' }))
    },
  })
}

/**
 * The source with the original renamed. The result of `planted` gets the name of the original, so callers in the same
 * module use it too.
 */
export function withSeam(source: string, seam: string): string {
  const name = seam.split('#')[1] ?? ''
  const declarations = [
    ...source.matchAll(new RegExp(`^export ((?:async )?function|class|const) ${name}\\b`, 'gm')),
  ]
  const [declaration] = declarations
  if (declaration === undefined || declarations.length > 1) {
    throw new Error(
      `seam ${seam}: the module must declare one exported function, class or constant '${name}', and declares ${declarations.length}`,
    )
  }
  const [text, keyword = ''] = declaration
  const original = `${name}$original`
  const renamed = source.replace(text, () => `${keyword} ${original}`)
  const replacement = `export const ${name} = planted(${JSON.stringify(seam)}, ${original})`
  const own = `import { planted } from ${JSON.stringify(import.meta.path)};`
  // Code that runs while the module loads can use a function before its declaration, but not a class or constant.
  return keyword.endsWith('function')
    ? `${own} ${replacement}; ${renamed}`
    : `${own} ${renamed}\n${replacement}\n`
}

/** Called by the changed modules. */
export function planted(seam: string, original: unknown): unknown {
  return plants.get(seam)?.replace(original)
}
