import { describe, expect, test } from 'bun:test'
import { existsSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { Glob } from 'bun'
import { MUTANTS } from '../simulation/mutants/list.ts'
import { root, sources } from './support/sources.ts'

const read = (path: string): Promise<string> => Bun.file(root + path).text()

const PROSE: readonly string[] = ['*.md', 'docs/**/*.md'].flatMap((names) => [
  ...new Glob(names).scanSync(root),
])

/** `src/cli/registry.ts`, `simulation/check/`. */
const PATH_IN_CODE = /`((?:src|test|scripts|simulation|torture|bench|fuzz)\/[\w./-]+)`/g

/** A name and its file: `settle` (`src/domain/operation/ending.ts`), or `src/domain/pool/model.ts`: … `PROVIDERS`. */
const NAME_OF_FILE = [
  /`(?<name>\w+)`\s\(`(?<path>\w[\w./-]*\.ts)`\)/g,
  /`(?<path>\w[\w./-]*\.ts)`:[^`;.]*`(?<name>[A-Za-z]\w+)`/g,
]

describe('pages', async () => {
  const texts = await Promise.all(PROSE.map(read))
  const isPlaceholder = (path: string): boolean => /NAME|VENDOR/.test(path)

  test('name files that exist', () => {
    const paths = texts.flatMap((text) => [...text.matchAll(PATH_IN_CODE)].map(([, path = '']) => path))
    expect(paths.filter((path) => !isPlaceholder(path) && !existsSync(root + path))).toEqual([])
  })

  test('are at the paths that sources, tests and scripts name', async () => {
    const files = ['src/**/*', 'packaging/**/*', 'scripts/**/*', 'test/**/*.ts'].flatMap((names) => [
      ...new Glob(names).scanSync(root),
    ])
    const named = (await Promise.all(files.map(read))).flatMap(
      (text) => text.match(/\bdocs\/[\w/-]+\.md\b/g) ?? [],
    )
    const examples = ['docs/adr/0001-x.md']
    const missing = named.filter((path) => !examples.includes(path) && !existsSync(root + path))
    expect(missing).toEqual([])
    expect(named.length).toBeGreaterThan(20)
  })

  test('name functions and types that are in their files', async () => {
    const named = texts
      .flatMap((text) => NAME_OF_FILE.flatMap((pattern) => [...text.matchAll(pattern)]))
      .map(({ groups: { name = '', path = '' } = {} }) => ({ name, path }))
      .filter(({ path }) => !isPlaceholder(path) && existsSync(root + path))
    const missing: string[] = []
    for (const { name, path } of named) {
      if (!new RegExp(`\\b${name}\\b`).test(await read(path))) missing.push(`${name} in ${path}`)
    }
    expect(missing).toEqual([])
    expect(named.length).toBeGreaterThan(15)
  })
})

test('docs/simulation.md has a row for every mutant, and no others', async () => {
  const rows = [
    ...(await read('docs/simulation.md')).matchAll(/^\| ([a-z-]+)( \*)? +\| (\S.*?) +\| [\d.]+ s /gm),
  ]
  const documented = rows.map(([, name, star = '', defect]) => `${name}${star}: ${defect}`)
  const mutants = MUTANTS.map(({ name, defect, isRare }) => `${name}${isRare ? ' *' : ''}: ${defect}`)
  expect(documented.toSorted()).toEqual(mutants.toSorted())
})

test('docs/administration/recovery.md quotes messages of the program', async () => {
  const page = await read('docs/administration/recovery.md')
  const quoted = [...page.matchAll(/^\| [^|]+ \| `([^`]+)` +\|/gm)].flatMap(([, message = '']) =>
    message.split('…').map((part) => part.trim()),
  )
  const code = (await sources()).map((source) => source.code).join('\n')
  expect(quoted.filter((part) => part.length > 2 && !code.includes(part))).toEqual([])
  expect(quoted.length).toBeGreaterThan(10)
})

test('links lead somewhere', async () => {
  const broken: string[] = []
  for (const page of PROSE) {
    for (const [, link = ''] of (await read(page)).matchAll(/\]\(([^)]+)\)/g)) {
      if (/^https?:/.test(link)) continue
      const [path = '', anchor] = link.split('#')
      const target = path === '' ? page : normalize(join(dirname(page), path))
      if (!(await leadsTo(target, anchor))) broken.push(`${page}: ${link}`)
    }
  }
  expect(broken).toEqual([])
  expect(PROSE.length).toBeGreaterThan(20)
})

/** Whether the file or folder exists, and the file has the heading. */
async function leadsTo(target: string, anchor: string | undefined): Promise<boolean> {
  if (target.endsWith('/')) return new Glob(`${target}*`).scanSync(root).next().done === false
  if (!(await Bun.file(root + target).exists())) return false
  if (anchor === undefined) return true
  const headings = [...(await read(target)).matchAll(/^#+ (.*)$/gm)].map(([, text = '']) => slug(text))
  return headings.includes(anchor)
}

function slug(heading: string): string {
  return heading
    .toLowerCase()
    .replace(/[^\w\- ]/g, '')
    .replaceAll(' ', '-')
}
