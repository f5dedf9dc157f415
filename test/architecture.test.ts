import { describe, expect, test } from 'bun:test'
import { type Layer, layerOf, root, type Source, sources } from './support/sources.ts'

const all = await sources()

/** Which layers each may import; the arrows of ARCHITECTURE.md. */
const MAY_IMPORT: Readonly<Record<Layer, readonly Layer[]>> = {
  main: ['main', 'cli', 'web', 'app', 'domain', 'adapters'],
  cli: ['cli', 'web', 'app', 'domain'],
  web: ['web', 'client', 'app', 'domain'],
  client: ['client'],
  app: ['app', 'domain'],
  domain: ['domain'],
  adapters: ['adapters', 'domain'],
}

/** Types cost the browser nothing, and keep it honest about what the server sends. */
const MAY_IMPORT_TYPES: Readonly<Partial<Record<Layer, readonly Layer[]>>> = {
  client: ['web', 'app', 'domain'],
}

/** Modules of others a layer may use; where a layer is missing, any. */
const MAY_USE: Readonly<Partial<Record<Layer, RegExp>>> = {
  cli: /^$/,
  client: /^(preact|uplot)(\/|$)/,
  app: /^$/,
  domain: /^$/,
}

/** Ways to the world, and the places that may go there. `src/*.ts` are the files that wire the others. */
const WAYS_OUT: readonly { readonly what: string; readonly code: RegExp; readonly places: RegExp }[] = [
  {
    what: 'process.exit',
    code: /\bprocess\.exit\b|\bexitNow\b/,
    places: /^src\/(main|adapters\/os\/libc)\.ts$/,
  },
  { what: 'console', code: /\bconsole\s*\.\s*\w+\s*\(/, places: /^src\/main\.ts$/ },
  {
    what: 'the wall clock',
    code: /\bDate\.now\b|\bnew Date\(\s*\)|\bnew Date\b(?!\()|\bperformance\.now\b/,
    places: /^src\/[\w-]+\.ts$|^src\/adapters\/os\/clock\.ts$|^src\/web\/client\//,
  },
  {
    what: 'the environment',
    code: /\bprocess\.env\b|\bBun\.env\b|\bimport\.meta\.env\b/,
    places: /^src\/[\w-]+\.ts$|^src\/adapters\/os\//,
  },
  {
    what: 'chance',
    code: /\bMath\.random\b|\brandomUUID\b|\bgetRandomValues\b/,
    places: /^src\/[\w-]+\.ts$/,
  },
  {
    what: 'the standard streams',
    code: /\bprocess\.std(in|out|err)\b|\bBun\.std(in|out|err)\b/,
    places: /^src\/[\w-]+\.ts$|^src\/adapters\//,
  },
  {
    what: 'the runtime and its timers',
    code: /\bBun\.(?!stringWidth\b)|\bset(Timeout|Interval|Immediate)\b/,
    places: /^src\/(?!domain\/)/,
  },
]

describe('layers', () => {
  for (const layer of Object.keys(MAY_IMPORT) as Layer[]) {
    test(`${layer} imports only what lies below it`, () => {
      expect(filesOf(layer).flatMap(wrongArrows)).toEqual([])
    })
  }

  test('no module imports itself by way of others', () => {
    expect(cycles()).toEqual([])
  })
})

describe('ways to the world', () => {
  for (const { what, code, places } of WAYS_OUT) {
    test(`${what}: only in its places`, () => {
      const elsewhere = all.filter((source) => code.test(source.code) && !places.test(source.path))
      expect(elsewhere.map((source) => source.path)).toEqual([])
    })
  }
})

describe('ARCHITECTURE.md', async () => {
  const listed = [...(await Bun.file(`${root}ARCHITECTURE.md`).text()).matchAll(/^- `(src\/[^`]+)`: \S.*$/gm)]
  const paths = listed.map(([, path]) => path ?? '')

  test('names every source file in a line of its own: - `src/…`: what it does', () => {
    expect(all.map((source) => source.path).filter((path) => !paths.includes(path))).toEqual([])
  })

  test('names no other file, and none twice', () => {
    const real = new Set(all.map((source) => source.path))
    expect(paths.filter((path, at) => !real.has(path) || paths.indexOf(path) !== at)).toEqual([])
  })
})

function filesOf(layer: Layer): readonly Source[] {
  return all.filter((source) => source.layer === layer)
}

function wrongArrows(source: Source): readonly string[] {
  const { layer } = source
  const ours = source.imports.filter(({ target, typeOnly }) => {
    if (!target.startsWith('src/')) return layer !== 'main'
    const to = layerOf(target)
    const types = typeOnly ? (MAY_IMPORT_TYPES[layer] ?? []) : []
    return ![...MAY_IMPORT[layer], ...types].includes(to)
  })
  const others = source.packages.filter(({ target }) => !(MAY_USE[layer]?.test(target) ?? true))
  return [...ours, ...others].map(({ target }) => `${source.path} imports ${target}`)
}

/** Each as the way round. Types make cycles too: two files that need each other are one thing. */
function cycles(): readonly string[] {
  const byPath = new Map(all.map((source) => [source.path, source]))
  const done = new Set<string>()
  const found: string[] = []
  const visit = (path: string, way: readonly string[]): void => {
    const start = way.indexOf(path)
    if (start >= 0) found.push([...way.slice(start), path].join(' → '))
    if (start >= 0 || done.has(path)) return
    for (const { target } of byPath.get(path)?.imports ?? []) visit(target, [...way, path])
    done.add(path)
  }
  for (const { path } of all) visit(path, [])
  return found
}
