import { expect, test } from 'bun:test'
import { sources } from '../support/sources.ts'

/** Files that are loaded with this one: lazy imports do not count. */
async function loadedWith(...entries: readonly string[]): Promise<ReadonlySet<string>> {
  const all = new Map((await sources()).map((source) => [source.path, source]))
  const loaded = new Set<string>()
  const visit = (path: string): void => {
    const source = all.get(path)
    if (source === undefined || loaded.has(path)) return
    loaded.add(path)
    const text = source.text.replace(/^import type [\s\S]*?from '[^']+'$/gm, '')
    for (const { target, typeOnly } of source.imports) {
      const name = target.slice(target.lastIndexOf('/') + 1)
      const isLazy = !new RegExp(`(?:from|^import) '[^']*/${name.replaceAll('.', '\\.')}'`, 'm').test(text)
      if (!typeOnly && !isLazy) visit(target)
    }
  }
  for (const entry of entries) visit(entry)
  return loaded
}

test('status and run do not load what only doctor uses', async () => {
  const commands = ['status', 'run'].map((name) => `src/cli/commands/${name}.ts`)
  const loaded = await loadedWith('src/entries/main.ts', 'src/entries/command-process.ts', ...commands)
  expect(loaded.size).toBeGreaterThan(50)
  expect([...loaded].filter((path) => /doctor|diagnosis|overview|admin-guide/.test(path))).toEqual([])
  expect([...(await loadedWith('src/entries/doctor.ts'))].some((path) => /diagnosis/.test(path))).toBe(true)
})

test('without other hosts nothing about them is loaded', async () => {
  const about = (loaded: ReadonlySet<string>) =>
    [...loaded].filter((path) => /\/(board|fleet)\/|entries\/(board|hosts|publish|snapshot)/.test(path))
  const commands = ['status', 'run', 'reserve', 'release', 'queue', 'report']
  const loaded = await loadedWith(
    ...[
      'main',
      'command-process',
      'process-kind',
      'embedded-access',
      'daemon-access',
      'launcher',
      'supervisor',
      'daemon',
    ].map((name) => `src/entries/${name}.ts`),
    ...commands.map((name) => `src/cli/commands/${name}.ts`),
  )
  // The options, and how the settings are read.
  expect(about(loaded).toSorted()).toEqual([
    'src/cli/fleet/which.ts',
    'src/domain/fleet/board-address.ts',
    'src/domain/fleet/host-name.ts',
    'src/domain/fleet/snapshot.ts',
  ])
  expect(about(await loadedWith('src/entries/hosts.ts')).length).toBeGreaterThan(10)
})

/** What the short commands load in both modes. */
const SHORT_COMMANDS = [
  'entries/main',
  'entries/command-process',
  'entries/process-kind',
  'entries/served-command',
  'entries/daemon-access',
  'entries/embedded-access',
  'entries/gpu-access',
  'entries/launcher',
  'entries/supervisor',
  'entries/supervisor-pool',
  'adapters/accounts/account',
  'adapters/gpu/provider',
  'adapters/gpu/nvidia/nvml',
  'adapters/store/sqlite',
  ...['status', 'run', 'reserve', 'release', 'extend', 'queue'].map((name) => `cli/commands/${name}`),
].map((name) => `src/${name}.ts`)

test('short commands do not load what shows progress', async () => {
  const shows = (loaded: ReadonlySet<string>) =>
    [...loaded].filter((path) => /words\/(live-line|progress-line|progress-bar|set-up-progress)/.test(path))
  expect(shows(await loadedWith(...SHORT_COMMANDS))).toEqual([])
  expect(shows(await loadedWith('src/cli/commands/admin.ts'))).toHaveLength(3)
})

/** Importing `node:fs` takes a millisecond, and `node:path` a third of one. */
test('short commands load no module of Node and no package', async () => {
  const all = new Map((await sources()).map((source) => [source.path, source]))
  for (const path of SHORT_COMMANDS) expect([...all.keys()]).toContain(path)
  const loaded = await loadedWith(...SHORT_COMMANDS)
  const packages = [...loaded].flatMap((path) =>
    (all.get(path)?.packages ?? [])
      .filter(({ target, typeOnly }) => !typeOnly && !target.startsWith('bun'))
      .map(({ target }) => `${path}: ${target}`),
  )
  expect(packages).toEqual([])
})
