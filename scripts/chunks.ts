import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'

/**
 * The bundler puts modules into one chunk if the same entries need them. The entries are the modules that are imported
 * dynamically, and there are over a hundred, so a command would load fifty chunks. Each costs 15 µs at every start. So an
 * entry that needs one module of a group below loads the whole group, which is then one chunk.
 *
 * A group contains the modules that the files in `of` load, except those of earlier groups. With `and`, it contains only
 * those that the files in `and` load too.
 */
const GROUPS: readonly Group[] = [
  { of: ['src/entries/main.ts'] },
  // Every process. A supervisor is small and starts with every run.
  { of: ['src/entries/supervisor.ts'], and: ['src/entries/command-process.ts', 'src/entries/launcher.ts'] },
  { of: ['src/entries/supervisor.ts'] },
  // A command that the daemon performs.
  { of: ['src/entries/served-command.ts'] },
  { of: ['src/entries/command-process.ts'] },
  // An embedded pool.
  {
    of: ['src/entries/embedded-access.ts', 'src/entries/supervisor-pool.ts', 'src/adapters/store/sqlite.ts'],
  },
  {
    of: ['src/adapters/gpu/provider.ts', 'src/adapters/gpu/nvidia/nvml.ts', 'src/adapters/gpu/fake/fake.ts'],
  },
  { of: ['src/cli/commands/run.ts', 'src/cli/commands/reserve.ts'] },
]

interface Group {
  readonly of: readonly string[]
  readonly and?: readonly string[]
}

type Imports = ReadonlyMap<string, readonly string[]>

/** A plugin that forms the chunks of a build with these options. */
export async function chunksPlugin(options: Bun.BuildConfig): Promise<Bun.BunPlugin> {
  const { imports, entries } = await modulesOf(options)
  const groups = groupsIn(imports, entries)
  /** The imports of groups that each entry gets, by the path of its file. */
  const added = new Map<string, string>()
  for (const entry of entries) {
    const loaded = groupsOf(entry, groups, imports)
    added.set(resolve(entry), loaded.map((index) => `import 'group:${index}'\n`).join(''))
  }
  return {
    name: 'chunks',
    setup(build) {
      build.onResolve({ filter: /^group:/ }, ({ path }) => ({ path, namespace: 'group' }))
      build.onLoad({ filter: /./, namespace: 'group' }, ({ path }) => ({
        contents: (groups[Number(path.replace('group:', ''))] ?? [])
          .map((module) => `import ${JSON.stringify(resolve(module))}\n`)
          .join(''),
        loader: 'ts',
      }))
      build.onLoad({ filter: /\/src\/.*\.ts$/ }, ({ path }) => ({
        contents: `${readFileSync(path, 'utf8')}\n${added.get(path) ?? ''}`,
        loader: 'ts',
      }))
    },
  }
}

/** The imports of each module that are not dynamic, and the entries. */
async function modulesOf(
  options: Bun.BuildConfig,
): Promise<{ readonly imports: Imports; readonly entries: ReadonlySet<string> }> {
  const { metafile } = await Bun.build({ ...options, metafile: true })
  if (metafile === undefined) throw new Error('the bundler has reported no modules')
  const imports = new Map<string, readonly string[]>()
  const entries = new Set(options.entrypoints)
  for (const [module, input] of Object.entries(metafile.inputs)) {
    imports.set(
      module,
      input.imports.filter(({ kind }) => kind !== 'dynamic-import').map(({ path }) => path),
    )
    for (const { kind, entryPoint } of input.imports as readonly DynamicImport[]) {
      if (kind === 'dynamic-import' && entryPoint !== undefined) entries.add(entryPoint)
    }
  }
  return { imports, entries }
}

/** The types of Bun lack the field. */
interface DynamicImport {
  readonly kind: string
  readonly entryPoint?: string
}

function groupsIn(imports: Imports, entries: ReadonlySet<string>): readonly (readonly string[])[] {
  const taken = new Set<string>()
  return GROUPS.map(({ of, and }) => {
    const shared = and === undefined ? undefined : closure(and, imports)
    const group = [...closure(of, imports)].filter(
      (module) => !taken.has(module) && !entries.has(module) && (shared?.has(module) ?? true),
    )
    for (const module of group) taken.add(module)
    return group
  })
}

/** The indexes of the groups that an entry loads. A group may need modules of the groups before it. */
function groupsOf(
  entry: string,
  groups: readonly (readonly string[])[],
  imports: Imports,
): readonly number[] {
  const needed = new Set(closure([entry], imports))
  const indexes: number[] = []
  for (const [index, group] of [...groups.entries()].reverse()) {
    if (!group.some((module) => needed.has(module))) continue
    indexes.push(index)
    for (const module of closure(group, imports)) needed.add(module)
  }
  return indexes
}

/** These modules and all that they import. */
function closure(from: readonly string[], imports: Imports): ReadonlySet<string> {
  const found = new Set<string>()
  const visit = (module: string): void => {
    const imported = imports.get(module)
    if (imported === undefined || found.has(module)) return
    found.add(module)
    imported.forEach(visit)
  }
  from.forEach(visit)
  return found
}
