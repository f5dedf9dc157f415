import { posix } from 'node:path'
import { Glob } from 'bun'

export const root = new URL('../..', import.meta.url).pathname

export const LAYERS = [
  'entries',
  'cli',
  'web',
  'daemon',
  'client',
  'views',
  'app',
  'domain',
  'ports',
  'adapters',
] as const
export type Layer = (typeof LAYERS)[number]

/** One file of src/. */
export interface Source {
  /** Like `src/domain/pool/model.ts`. */
  readonly path: string
  readonly layer: Layer
  /** Project files that it imports, types included, by their paths. */
  readonly imports: readonly Import[]
  /** External modules that it imports, such as `node:fs` or `hono`. */
  readonly packages: readonly Import[]
  /** Without comments and types. */
  readonly code: string
  readonly text: string
}

export interface Import {
  readonly target: string
  readonly typeOnly: boolean
}

export async function sources(): Promise<readonly Source[]> {
  const paths = [...new Glob('src/**/*.{ts,tsx}').scanSync(root)].filter((path) => !path.endsWith('.d.ts'))
  return Promise.all(paths.sort().map(sourceOf))
}

async function sourceOf(path: string): Promise<Source> {
  const text = await Bun.file(root + path).text()
  const imports = importsOf(text).map((each) =>
    each.target.startsWith('.')
      ? { ...each, target: posix.join(posix.dirname(path), each.target), ours: true }
      : { ...each, ours: false },
  )
  return {
    path,
    layer: layerOf(path),
    imports: imports.filter((each) => each.ours),
    packages: imports.filter((each) => !each.ours),
    code: codeOf(path, text),
    text,
  }
}

/** Macros are not run: they count as ordinary imports. */
function codeOf(path: string, text: string): string {
  const plain = text.replace(/ with \{ type: 'macro' \}/g, '')
  return new Bun.Transpiler({ loader: path.endsWith('x') ? 'tsx' : 'ts' }).transformSync(plain)
}

export function layerOf(path: string): Layer {
  if (path.startsWith('src/web/client/')) return 'client'
  const folder = /^src\/(\w+)\//.exec(path)?.[1]
  const layer = LAYERS.find((each) => each === folder)
  if (layer === undefined) throw new Error(`${path} belongs to no layer`)
  return layer
}

/** `import … from`, `export … from`, `import '…'` and `import('…')`, as the formatter writes them. */
function importsOf(text: string): readonly Import[] {
  const fromOthers = [
    ...text.matchAll(/^(?:import|export)\s+(type\s)?[^'"`;]*?\sfrom\s+'([^']+)'/gm),
    ...text.matchAll(/^import\s+()'([^']+)'/gm),
    ...text.matchAll(/\bimport\(\s*()'([^']+)'\s*\)/g),
  ]
  return fromOthers.map(([, type, target = '']) => ({ target, typeOnly: (type ?? '') !== '' }))
}
