import { describe, expect, test } from 'bun:test'
import { posix } from 'node:path'
import { type Layer, layerOf, root, type Source, sources } from './support/sources.ts'

const all = await sources()

/** The layers that each layer may import: the arrows of ARCHITECTURE.md. */
const MAY_IMPORT: Readonly<Record<Layer, readonly Layer[]>> = {
  entries: ['entries', 'cli', 'web', 'daemon', 'views', 'app', 'domain', 'ports', 'adapters'],
  cli: ['cli', 'web', 'views', 'app', 'domain', 'ports'],
  web: ['web', 'client', 'views', 'app', 'domain', 'ports'],
  client: ['client'],
  daemon: ['daemon', 'app', 'domain', 'ports'],
  views: ['views', 'app', 'domain'],
  app: ['app', 'domain', 'ports'],
  domain: ['domain'],
  ports: ['ports', 'domain'],
  adapters: ['adapters', 'ports', 'domain'],
}

/** Types add no code to the browser, and let the compiler check how it reads the documents of the server. */
const MAY_IMPORT_TYPES: Readonly<Partial<Record<Layer, readonly Layer[]>>> = {
  client: ['web', 'views', 'app', 'domain'],
}

/** Tables without functions. With them the browser shows the same states as text and JSON. */
const SHARED_WITH_BROWSER: readonly string[] = ['src/views/words/status/states.ts']

/** External modules that a layer may import. A layer that is missing here may import any. */
const MAY_USE: Readonly<Partial<Record<Layer, RegExp>>> = {
  cli: /^$/,
  client: /^(preact|uplot)(\/|$)/,
  app: /^$/,
  domain: /^$/,
  ports: /^$/,
}

/** Effects, and the files that may use them. The others get them from `src/entries/`. */
const EFFECTS: readonly { readonly what: string; readonly code: RegExp; readonly files: RegExp }[] = [
  {
    what: 'process.exit',
    code: /\bprocess\.exit\b|\bexitNow\b/,
    files:
      /^src\/(entries\/(main|process-kind|command-process|served-command)|adapters\/(kernel\/libc\/process|process\/end-like))\.ts$/,
  },
  { what: 'console', code: /\bconsole\s*\.\s*\w+\s*\(/, files: /^src\/entries\/main\.ts$/ },
  {
    what: 'the wall clock',
    code: /\bDate\.now\b|\bnew Date\(\s*\)|\bnew Date\b(?!\()|\bperformance\.now\b/,
    files: /^src\/entries\/|^src\/adapters\/kernel\/clock\.ts$|^src\/web\/client\//,
  },
  {
    what: 'the environment',
    code: /\bprocess\.env\b|\bBun\.env\b|\bimport\.meta\.env\b/,
    files: /^src\/entries\/|^src\/adapters\/(kernel|process)\//,
  },
  {
    what: 'random values',
    code: /\bMath\.random\b|\brandomUUID\b|\bgetRandomValues\b/,
    files: /^src\/entries\//,
  },
  {
    what: 'the standard streams',
    code: /\bprocess\.std(in|out|err)\b|\bBun\.std(in|out|err)\b/,
    files: /^src\/entries\/|^src\/adapters\//,
  },
  {
    what: 'the runtime and its timers',
    code: /\bBun\.(?!stringWidth\b)|\bset(Timeout|Interval|Immediate)\b/,
    files: /^src\/(?!domain\/)/,
  },
]

describe('layers', () => {
  for (const layer of Object.keys(MAY_IMPORT) as Layer[]) {
    test(`${layer} imports only the layers below it`, () => {
      expect(filesOf(layer).flatMap(wrongImports)).toEqual([])
    })
  }

  test('the modules that browser and program share import no code', () => {
    const shared = all.filter(({ path }) => SHARED_WITH_BROWSER.includes(path))
    expect(shared.length).toBe(SHARED_WITH_BROWSER.length)
    const imported = shared.flatMap(({ imports, packages }) => [...imports, ...packages])
    expect(imported.filter(({ typeOnly }) => !typeOnly)).toEqual([])
  })

  test('only the build loads the schemas of the documents: valibot takes longer to load than a command to run', () => {
    const isSchema = (path: string) => path.startsWith('src/views/schemas/')
    const described = 'src/web/openapi-schemas.ts'
    const loaders = all.filter(({ path, imports }) => {
      const loads = imports.some(({ target, typeOnly }) => isSchema(target) && !typeOnly)
      return loads && !isSchema(path) && path !== described
    })
    expect(loaders.map(({ path }) => path)).toEqual([])
    const asMacro =
      /^import (type )?\{[^}]*\} from '\.\/openapi-schemas\.ts'(?: with \{ type: 'macro' \})?$/gm
    const users = all.filter(({ imports }) => imports.some(({ target }) => target === described))
    for (const { path, text } of users) {
      for (const [line, type] of text.matchAll(asMacro)) {
        expect([path, type !== undefined || line.endsWith("with { type: 'macro' }")]).toEqual([path, true])
      }
    }
  })

  test('no imports form a cycle', () => {
    expect(cycles()).toEqual([])
  })
})

describe('effects', () => {
  for (const { what, code, files } of EFFECTS) {
    test(`${what}: only in these files`, () => {
      const elsewhere = all.filter((source) => code.test(source.code) && !files.test(source.path))
      expect(elsewhere.map((source) => source.path)).toEqual([])
    })
  }
})

describe('ARCHITECTURE.md', async () => {
  const text = await Bun.file(`${root}ARCHITECTURE.md`).text()
  const listed = [...text.matchAll(/^\| `(src\/[^`]+)`\s+\| \S.*\|$/gm)].map(([, folder]) => folder ?? '')
  const folders = [...new Set(all.map((source) => posix.dirname(source.path)))]

  test('has a row for every folder of src/, and for no other', () => {
    expect(listed.toSorted()).toEqual(folders.toSorted())
  })
})

function filesOf(layer: Layer): readonly Source[] {
  return all.filter((source) => source.layer === layer)
}

function wrongImports(source: Source): readonly string[] {
  const { layer } = source
  const ours = source.imports.filter(({ target, typeOnly }) => {
    if (!target.startsWith('src/')) return layer !== 'entries'
    const to = layerOf(target)
    if (layer === 'client' && SHARED_WITH_BROWSER.includes(target)) return false
    const types = typeOnly ? (MAY_IMPORT_TYPES[layer] ?? []) : []
    return ![...MAY_IMPORT[layer], ...types].includes(to)
  })
  const others = source.packages.filter(({ target }) => !(MAY_USE[layer]?.test(target) ?? true))
  return [...ours, ...others].map(({ target }) => `${source.path} imports ${target}`)
}

/** Each cycle as a path. Type imports count: two files that need each other belong in one file. */
function cycles(): readonly string[] {
  const byPath = new Map(all.map((source) => [source.path, source]))
  const done = new Set<string>()
  const found: string[] = []
  const visit = (path: string, above: readonly string[]): void => {
    const start = above.indexOf(path)
    if (start >= 0) found.push([...above.slice(start), path].join(' → '))
    if (start >= 0 || done.has(path)) return
    for (const { target } of byPath.get(path)?.imports ?? []) visit(target, [...above, path])
    done.add(path)
  }
  for (const { path } of all) visit(path, [])
  return found
}
