import { describe, expect, test } from 'bun:test'
import { dirname, join, normalize } from 'node:path'
import { Glob } from 'bun'
import { EXIT, exitCodeOf } from '../src/cli/exit-codes.ts'
import { settingOf } from '../src/cli/options/configured.ts'
import { COMMANDS } from '../src/cli/registry.ts'
import { ERROR_CODES } from '../src/domain/errors.ts'
import { SETTINGS } from '../src/domain/settings.ts'
import { type Described, isDescribed, jsonSchema } from '../src/views/schemas/json-schema.ts'
import { binary } from './support/pool.ts'
import { root, sources } from './support/sources.ts'

const read = (path: string): Promise<string> => Bun.file(root + path).text()
const commandsPage = await read('docs/commands.md')
const configurationPage = await read('docs/configuration.md')
const exitCodesPage = await read('docs/exit-codes.md')
const webPage = await read('docs/web.md')

/** Where documents are explained that docs/commands.md leaves to other pages, by the file of their schema. */
const PAGES: Readonly<Record<string, readonly string[]>> = {
  usage: [commandsPage, webPage],
  dashboard: [commandsPage, webPage],
  failure: [exitCodesPage],
  refusal: [exitCodesPage],
}

interface Listed {
  readonly names: readonly string[]
  readonly words: string
}

const programHelp = help([])
const commands = listed(programHelp, 'Commands').map(({ names: [name = ''], words }) => ({ name, words }))
const forEveryCommand = documentedFlags(sectionOf(commandsPage, 'For every command'))

describe('docs/commands.md', () => {
  test('names every command with its description', () => {
    for (const { name, words } of commands) {
      expect(commandsPage).toMatch(new RegExp(`^  ${name} +${words}$`, 'm'))
    }
    expect(commands.map(({ name }) => name)).toContain('status')
  })

  for (const { name } of commands) {
    test(`has all flags of ${name}, and no others`, () => {
      const own = (flags: readonly string[]) =>
        flags.filter((flag) => !forEveryCommand.includes(flag)).toSorted()
      expect(own(documentedFlags(sectionOf(commandsPage, name)))).toEqual(own(flagsOf(help([name]))))
    })
  }

  test('the flags for every command are those of every command', () => {
    const shared = new Set(commands.flatMap(({ name }) => flagsOf(help([name]))))
    for (const flag of flagsOf(programHelp)) shared.add(flag)
    for (const flag of flagsOf(programHelp)) expect(forEveryCommand).toContain(flag)
    for (const flag of forEveryCommand) expect(shared).toContain(flag)
  })
})

test('every field of every JSON document is named in the page about it', async () => {
  const documents = await allDocuments()
  const missing = documents.flatMap(({ file, name, schema }) => {
    const pages = PAGES[file] ?? [commandsPage]
    const fields = [...new Set(fieldsOf(jsonSchema(schema)))]
    return fields
      .filter((field) => !pages.some((page) => page.includes(`\`${field}\``)))
      .map((field) => `${file} ${name}: ${field}`)
  })
  expect(missing).toEqual([])
  expect(documents.length).toBeGreaterThan(20)
})

describe('docs/configuration.md', () => {
  test('has a row for every setting', () => {
    for (const { describe: what, key, env, flag, show } of Object.values(SETTINGS)) {
      const inFlags = flag ? `\`--${key}\`` : '-'
      const byDefault = show === 'none' ? show : `\`${show}\``
      expect(configurationPage).toMatch(row(what, inFlags, `\`${env}\``, `\`${key}\``, byDefault))
    }
  })

  test('has a row for every option that can have a default, and no others', async () => {
    const rows = [
      ...configurationPage.matchAll(/^\| `([a-z]+\.[a-z-]+)` +\| `(--[a-z-]+)` +\| `([A-Z_]+)` +\|/gm),
    ]
    const documented = rows.map(([, key, flag, env]) => ({ key, flag, env }))
    const settings = await Promise.all(
      COMMANDS.map(async ({ name, load }) =>
        (await load()).own.flatMap((option) => {
          const setting = settingOf(name, option)
          return setting === null ? [] : [{ key: setting.key, flag: option.long, env: setting.env }]
        }),
      ),
    )
    expect(documented).toEqual(settings.flat())
  })

  test('names every flag of a command that can have none', async () => {
    const own = await Promise.all(COMMANDS.map(async ({ name, load }) => [name, (await load()).own] as const))
    const typed = own.flatMap(([name, options]) =>
      options.filter((option) => settingOf(name, option) === null).map(({ long }) => long),
    )
    const paragraph = /^The other flags must be typed: [\s\S]*?\n\n/m.exec(configurationPage)?.[0] ?? ''
    for (const flag of typed) expect(paragraph).toContain(`\`${flag}\``)
  })

  test('names every environment variable', async () => {
    const variables = (await sources()).flatMap(({ code }) => code.match(/\bCANHAZGPU_[A-Z_]+\b/g) ?? [])
    expect([...new Set(variables)].filter((name) => !configurationPage.includes(`\`${name}\``))).toEqual([])
  })
})

describe('docs/exit-codes.md', () => {
  test('has a row for every exit code', () => {
    for (const code of Object.values(EXIT))
      expect(exitCodesPage).toMatch(new RegExp(`^\\| ${code} +\\| \\S`, 'm'))
  })

  test('has a row for every error code, with its exit codes', () => {
    for (const code of ERROR_CODES) {
      const [usually, inRun] = [exitCodeOf(code, 'status'), exitCodeOf(code, 'run')]
      expect(exitCodesPage).toMatch(row(`\`${code}\``, String(usually), String(inRun)))
    }
  })

  test('has no error code that does not exist', () => {
    const rows = [...exitCodesPage.matchAll(/^\| `([a-z-]+)`/gm)].map(([, code]) => code)
    expect(rows.filter((code) => !ERROR_CODES.some((each) => each === code))).toEqual([])
  })
})

test('links lead somewhere', async () => {
  const pages = [...new Glob('{*.md,docs/**/*.md}').scanSync(root)]
  const broken: string[] = []
  for (const page of pages) {
    for (const [, link = ''] of (await read(page)).matchAll(/\]\(([^)]+)\)/g)) {
      if (/^https?:/.test(link)) continue
      const [path = '', anchor] = link.split('#')
      const target = path === '' ? page : normalize(join(dirname(page), path))
      if (!(await leadsTo(target, anchor))) broken.push(`${page}: ${link}`)
    }
  }
  expect(broken).toEqual([])
})

interface Document {
  readonly file: string
  readonly name: string
  readonly schema: Described
}

/** Every schema that a file of src/views/schemas exports. */
async function allDocuments(): Promise<readonly Document[]> {
  const files = [...new Glob('*.ts').scanSync(`${root}src/views/schemas`)].sort()
  const found = await Promise.all(
    files.map(async (path) => {
      const exported: Readonly<Record<string, unknown>> = await import(`${root}src/views/schemas/${path}`)
      return Object.entries(exported).flatMap(([name, schema]) =>
        isDescribed(schema) ? [{ file: path.replace('.ts', ''), name, schema }] : [],
      )
    }),
  )
  return found.flat()
}

function fieldsOf(schema: unknown): readonly string[] {
  if (typeof schema !== 'object' || schema === null) return []
  const { properties = {} } = schema as { readonly properties?: object }
  return [
    ...Object.keys(properties),
    ...Object.values(schema).flatMap(fieldsOf),
    ...Object.values(properties).flatMap(fieldsOf),
  ]
}

async function leadsTo(target: string, anchor: string | undefined): Promise<boolean> {
  if (target.endsWith('/')) return new Glob(`${target}*`).scanSync(root).next().done === false
  if (!(await Bun.file(root + target).exists())) return false
  if (anchor === undefined) return true
  const headings = [...(await read(target)).matchAll(/^#+ (.*)$/gm)].map(([, words = '']) => slug(words))
  return headings.includes(anchor)
}

function slug(heading: string): string {
  return heading
    .toLowerCase()
    .replace(/[^\w\- ]/g, '')
    .replaceAll(' ', '-')
}

function help(args: readonly string[]): string {
  return Bun.spawnSync([binary, ...args, '--help']).stdout.toString()
}

/** The lines below a title in `--help`: what is named, and what is said of it. */
function listed(text: string, title: string): readonly Listed[] {
  const block = text.split(`\n${title}:\n`)[1]?.split('\n\n')[0] ?? ''
  return block
    .split('\n')
    .map((line) => /^ {2}(\S.*?) {2,}(.*)$/.exec(line))
    .filter((match) => match !== null)
    .map(([, term = '', words = '']) => ({
      names: term.split(', ').map((name) => name.split(' ')[0] ?? ''),
      words,
    }))
}

const flagsOf = (text: string): string[] => listed(text, 'Options').flatMap(({ names }) => names)

/** Those in the first column of a table: | `-g`, `--gpus <count>` | … */
function documentedFlags(section: string): string[] {
  const cells = [...section.matchAll(/^\| (`-[^|]*)\|/gm)].map(([, cell = '']) => cell)
  return cells.flatMap((cell) => [...cell.matchAll(/`(--?[\w-]+)/g)].map(([, flag = '']) => flag))
}

/** Up to the next heading of the same rank. */
function sectionOf(page: string, heading: string): string {
  return page.split(new RegExp(`^## ${heading}$`, 'm'))[1]?.split(/^## /m)[0] ?? ''
}

/** A row of a table that begins with these cells, however it is padded. */
function row(...cells: readonly string[]): RegExp {
  const escaped = cells.map((cell) => cell.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))
  return new RegExp(`^\\| ${escaped.join(' +\\| ')} +\\|`, 'm')
}
