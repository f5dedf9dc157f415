import { describe, expect, test } from 'bun:test'
import { Glob } from 'bun'
import { EXIT, exitCodeOf } from '../src/cli/exit-codes.ts'
import { settingOf } from '../src/cli/options/configured.ts'
import { COMMANDS } from '../src/cli/registry.ts'
import { ERROR_CODES } from '../src/domain/errors.ts'
import { SETTINGS } from '../src/domain/settings.ts'
import { WARNING_CODES } from '../src/domain/warnings.ts'
import { type Described, isDescribed, jsonSchema } from '../src/views/schemas/json-schema.ts'
import { binary } from './support/pool.ts'
import { root, sources } from './support/sources.ts'

const read = (path: string): Promise<string> => Bun.file(root + path).text()
const commandsPage = await read('docs/commands/README.md')
const configurationPage = await read('docs/configuration.md')
const exitCodesPage = await read('docs/exit-codes.md')
const webPage = await read('docs/web.md')

const PROSE: readonly string[] = ['*.md', 'docs/**/*.md'].flatMap((names) => [
  ...new Glob(names).scanSync(root),
])

/** An entry in a list of `--help`. */
interface Listed {
  readonly names: readonly string[]
  readonly description: string
}

const programHelp = help([])
const commands = listed(programHelp, 'Commands').map(({ names: [name = ''], description }) => ({
  name,
  description,
}))
const flagsByCommand = new Map(commands.map(({ name }) => [name, flagsOf(help([name]))]))
const commandPages = new Map(
  await Promise.all(
    commands.map(async ({ name }) => [name, await read(`docs/commands/${name}.md`)] as const),
  ),
)
const forEveryCommand = documentedFlags(sectionOf(commandsPage, 'For every command'))

/** The pages about JSON documents that are not in docs/commands, by the file of their schema. */
const PAGES: Readonly<Record<string, readonly string[]>> = {
  usage: [...commandPages.values(), webPage],
  accounts: [...commandPages.values(), webPage],
  dashboard: [...commandPages.values(), webPage],
  fleet: [await read('docs/fleet.md'), await read('docs/web.md'), ...commandPages.values()],
  failure: [exitCodesPage],
  refusal: [exitCodesPage],
}

/** The headings of the page of every command, in this order; those about its subject come between them. */
const PARTS: readonly string[] = ['Uses', 'Options', 'Exit status', 'JSON', 'Pitfalls', 'Related']

describe('docs/commands', () => {
  test('names every command with its description', () => {
    for (const { name, description } of commands) {
      expect(commandsPage).toMatch(new RegExp(`^  ${name} +${description}$`, 'm'))
    }
    expect(commands.map(({ name }) => name)).toContain('status')
  })

  for (const { name } of commands) {
    test(`has all flags of ${name}, and no others`, () => {
      const own = (flags: readonly string[]) =>
        flags.filter((flag) => !forEveryCommand.includes(flag)).toSorted()
      expect(own(documentedFlags(commandPages.get(name) ?? ''))).toEqual(own(flagsOf(help([name]))))
    })

    test(`the page of ${name} has the same parts as the others`, () => {
      const page = commandPages.get(name) ?? ''
      const [, synopsis = ''] = /^Usage: (.*)$/m.exec(help([name])) ?? []
      const [, firstParagraph = ''] = page.split('\n\n')
      expect(page).toStartWith(`# ${name}\n`)
      expect(firstParagraph).toMatch(/^[A-Z][\s\S]*\.$/)
      expect(page).toContain(`\n\`${synopsis}\`\n`)
      const titles = [...page.matchAll(/^## (.*)$/gm)].map(([, title = '']) => title)
      expect(titles.filter((title) => PARTS.includes(title))).toEqual([...PARTS])
      expect(sectionOf(page, 'Related')).toMatch(/\]\(/)
    })

    test(`the exit statuses of ${name} exist`, () => {
      const rows = [...sectionOf(commandPages.get(name) ?? '', 'Exit status').matchAll(/^\| (\d+) /gm)]
      const statuses: readonly number[] = rows.map(([, status]) => Number(status))
      const possible: readonly number[] = Object.values(EXIT)
      expect(statuses.filter((status) => !possible.includes(status))).toEqual([])
      expect(statuses).toContain(2)
    })
  }

  test('has a page for each command, and no others', () => {
    const pages = [...new Glob('*.md').scanSync(`${root}docs/commands`)].toSorted()
    const expected = ['README.md', ...commands.map(({ name }) => `${name}.md`)]
    expect(pages).toEqual(expected.toSorted())
    for (const { name } of commands) expect(commandsPage).toContain(`](${name}.md)`)
  })

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
    const pages = PAGES[file] ?? [commandsPage, ...commandPages.values()]
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

  test('has a row for every warning code', () => {
    for (const code of WARNING_CODES) expect(exitCodesPage).toMatch(new RegExp(`^\\| \`${code}\` `, 'm'))
  })

  test('has no code that does not exist', () => {
    const rows = [...exitCodesPage.matchAll(/^\| `([a-z-]+)`/gm)].map(([, code]) => code)
    const codes: readonly string[] = [...ERROR_CODES, ...WARNING_CODES]
    expect(rows.filter((code = '') => !codes.includes(code))).toEqual([])
  })
})

describe('README.md', () => {
  test('fits two screens', async () => {
    expect((await read('README.md')).split('\n').length).toBeLessThanOrEqual(110)
  })
})

test('every command line that a page shows is one of this program', async () => {
  const pages = await Promise.all(PROSE.map(async (page) => [page, await read(page)] as const))
  const shown = pages.flatMap(([page, text]) => commandLinesIn(text).map((words) => ({ page, words })))
  const wrong = shown.filter(({ words }) => !isCommandLine(words))
  expect(wrong).toEqual([])
  expect(shown.length).toBeGreaterThan(50)
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

function help(args: readonly string[]): string {
  return Bun.spawnSync([binary, ...args, '--help']).stdout.toString()
}

/** The words after `canhazgpu`, up to `--` or the end of the shell command, in every code block and inline code of a page. */
function commandLinesIn(page: string): readonly (readonly string[])[] {
  const typed = [...page.matchAll(/^```console\n([\s\S]*?)^```$/gm)].flatMap(([, block = '']) =>
    block.split('\n').filter((line) => line.startsWith('$ ')),
  )
  const scripts = [...page.matchAll(/^```(?:sh|bash|ini)\n([\s\S]*?)^```$/gm)].map(([, block = '']) => block)
  const inline = [...page.matchAll(/(?<!`)`((?:sudo )?(?:canhazgpu|chg) [^`\n]+)`/g)].map(
    ([, code = '']) => code,
  )
  return [...typed, ...scripts, ...inline].flatMap((code) =>
    [...code.matchAll(/\b(?:canhazgpu|chg) ([a-z-][^\n`'")|#&;>]*)/g)].map(([, line = '']) => {
      const [words = ''] = ` ${line} `.split(' -- ')
      return words.trim().split(/\s+/)
    }),
  )
}

/** Whether the program has this command, and the command has these flags. */
function isCommandLine(words: readonly string[]): boolean {
  const [name = ''] = words
  if (name === 'help') return true
  const flags = name.startsWith('-') ? flagsOf(programHelp) : flagsByCommand.get(name)
  const given = words.filter((word) => word.startsWith('-')).map((word) => word.split('=')[0] ?? '')
  return flags !== undefined && given.every((flag) => flags.includes(flag))
}

/** The entries below a title in `--help`. */
function listed(text: string, title: string): readonly Listed[] {
  const block = text.split(`\n${title}:\n`)[1]?.split('\n\n')[0] ?? ''
  return block
    .split('\n')
    .map((line) => /^ {2}(\S.*?) {2,}(.*)$/.exec(line))
    .filter((match) => match !== null)
    .map(([, term = '', description = '']) => ({
      names: term.split(', ').map((name) => name.split(' ')[0] ?? ''),
      description,
    }))
}

function flagsOf(text: string): string[] {
  return listed(text, 'Options').flatMap(({ names }) => names)
}

/** The flags in the first column of a table: | `-g`, `--gpus <count>` | … */
function documentedFlags(section: string): string[] {
  const cells = [...section.matchAll(/^\| (`-[^|]*)\|/gm)].map(([, cell = '']) => cell)
  return cells.flatMap((cell) => [...cell.matchAll(/`(--?[\w-]+)/g)].map(([, flag = '']) => flag))
}

/** The text below a heading, up to the next heading of the same level. */
function sectionOf(page: string, heading: string): string {
  return page.split(new RegExp(`^## ${heading}$`, 'm'))[1]?.split(/^## /m)[0] ?? ''
}

/** A row of a table that begins with these cells, with any padding. */
function row(...cells: readonly string[]): RegExp {
  const escaped = cells.map((cell) => cell.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))
  return new RegExp(`^\\| ${escaped.join(' +\\| ')} +\\|`, 'm')
}
