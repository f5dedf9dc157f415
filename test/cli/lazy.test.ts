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
    for (const { target, typeOnly } of source.imports) {
      const name = target.slice(target.lastIndexOf('/') + 1)
      const isLazy = !new RegExp(`(?:from|^import) '[^']*/${name.replaceAll('.', '\\.')}'`, 'm').test(
        source.text,
      )
      if (!typeOnly && !isLazy) visit(target)
    }
  }
  for (const entry of entries) visit(entry)
  return loaded
}

test('status and run do not load what only doctor uses', async () => {
  const commands = ['status', 'run'].map((name) => `src/cli/commands/${name}.ts`)
  const loaded = await loadedWith('src/entries/main.ts', 'src/entries/process-kind.ts', ...commands)
  expect(loaded.size).toBeGreaterThan(50)
  expect([...loaded].filter((path) => /doctor|diagnosis|overview|admin-guide/.test(path))).toEqual([])
  expect([...(await loadedWith('src/entries/doctor.ts'))].some((path) => /diagnosis/.test(path))).toBe(true)
})
