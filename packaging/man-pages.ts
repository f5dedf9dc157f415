import { readFileSync } from 'node:fs'
import { posix } from 'node:path'
import manifest from '../package.json'
import { settingOf } from '../src/cli/options/configured.ts'
import type { Option } from '../src/cli/options/option.ts'
import { programOptions } from '../src/cli/program.ts'
import { COMMANDS } from '../src/cli/registry.ts'
import { DEFAULT_POOL, DEFAULT_SOCKET, MACHINE_FILE, SETTINGS } from '../src/domain/settings.ts'
import { fromMarkdown } from './markdown-to-roff.ts'
import { bold, type Item, italic, items, literal, type Page, page, roff, section } from './roff.ts'

export interface ManPage {
  /** `man1/canhazgpu-run.1` */
  readonly path: string
  readonly text: string
}

/**
 * One page for the program, one for each command, and one for the configuration. Names, options, defaults, examples and
 * keys are from the tables that `--help` and the configuration use; the rest is from `docs`, which tests compare with
 * the program. `time` is in Unix seconds.
 */
export async function manPages(time: number): Promise<readonly ManPage[]> {
  const commands: readonly Command[] = await Promise.all(
    COMMANDS.map(async ({ name, summary, load }) => ({ name, summary, ...(await load()) })),
  )
  const pages = [programPage(), ...commands.map(commandPage), configurationPage(commands)]
  return pages.map((each) => ({
    path: `man${each.number}/${each.name}.${each.number}`,
    text: page({ ...each, time, version: `canhazgpu ${manifest.version}` }),
  }))
}

type Command = Awaited<ReturnType<(typeof COMMANDS)[number]['load']>> & Pick<Page, 'name' | 'summary'>
type Content = Omit<Page, 'time' | 'version'>

const commandsPage = docsPage('docs/commands/README.md')
const settingsPage = docsPage('docs/configuration.md')
const exitCodesPage = docsPage('docs/exit-codes.md')

/** The text of a page. Its links to other files name their paths in the repository. */
function docsPage(path: string): string {
  return readFileSync(path, 'utf8').replace(/\]\((?!#|https?:)([^)]+)\)/g, (_, link: string) => {
    return `](${posix.join(posix.dirname(path), link)})`
  })
}

const PAGE_OF_SETTINGS = 'canhazgpu.yaml'
const PERSONAL_FILE = '~/.canhazgpu.yaml'
const SETTINGS_FILES: readonly Item[] = [
  [italic(PERSONAL_FILE), roff('Settings of a user, unless --config names another file')],
  [italic(MACHINE_FILE), roff('Settings of the machine')],
]

function programPage(): Content {
  const variables = Object.values(SETTINGS).map(({ env, describe, show }) =>
    item(env, `${describe} (default: ${show})`),
  )
  const [intro = ''] = commandsPage.split(/^## /m)
  return {
    name: 'canhazgpu',
    number: 1,
    summary: manifest.description,
    sections: [
      ...section('synopsis', [`${bold('canhazgpu')} ${roff('[OPTIONS] COMMAND [ARGS]...')}`]),
      ...section('description', fromMarkdown(withoutCode(intro.replace(/^# .*$/m, '')))),
      ...section(
        'commands',
        items(COMMANDS.map(({ name, summary }) => [reference(`canhazgpu-${name}`), roff(summary)])),
      ),
      ...section('options', items(programOptions().map(optionItem))),
      ...documented(commandsPage, 'Which GPUs are granted', 'Waiting in the queue'),
      ...section('exit status', fromMarkdown(exitStatuses())),
      ...section('environment', [
        ...items(variables),
        ...fromMarkdown(sectionOf(settingsPage, 'Other variables')),
      ]),
      ...section(
        'files',
        items([
          [italic(DEFAULT_POOL), roff('The pool: reservations, queue and history')],
          [italic(DEFAULT_SOCKET), roff('The socket of the daemon')],
          ...SETTINGS_FILES,
        ]),
      ),
      ...section('examples', literal(roff(EXAMPLES.join('\n')))),
      ...seeAlso('canhazgpu', COMMANDS),
    ],
  }
}

const EXAMPLES = [
  'sudo canhazgpu admin --gpus 8',
  'canhazgpu status',
  'canhazgpu run --gpus 1 -- python train.py',
  'canhazgpu reserve --gpus 2 --duration 4h',
  'canhazgpu release',
]

function commandPage({ name, summary, synopsis, options, own, examples }: Command): Content {
  const text = docsPage(`docs/commands/${name}.md`)
  const variables = own.flatMap((option) => {
    const setting = settingOf(name, option)
    return setting === null ? [] : [item(setting.env, `The default of ${option.long}`)]
  })
  const related = COMMANDS.filter(
    (other) => other.name !== name && text.includes(`](docs/commands/${other.name}.md`),
  )
  return {
    name: `canhazgpu-${name}`,
    number: 1,
    summary,
    sections: [
      ...section('synopsis', [`${bold(`canhazgpu ${name}`)} ${roff(synopsis.slice(name.length).trim())}`]),
      ...section('description', fromMarkdown(descriptionOf(text))),
      ...section('options', items(options.map(optionItem))),
      ...documented(text, ...titlesOf(text).filter((title) => !REPLACED.includes(title))),
      ...section('environment', [
        ...items(variables),
        '.PP',
        `${reference('canhazgpu')} has the variables of every command.`,
      ]),
      ...section('files', items([[italic(DEFAULT_POOL), roff('The pool')], ...SETTINGS_FILES])),
      ...section('examples', literal(roff(examples.join('\n')))),
      ...seeAlso(`canhazgpu-${name}`, related),
    ],
  }
}

function configurationPage(commands: readonly Command[]): Content {
  const settings = Object.values(SETTINGS).map(({ key, env, describe, show, expected }) =>
    item(key, `${describe}: ${expected} (default: ${show}; variable: ${env})`),
  )
  const defaults = commands.flatMap(({ name, own }) =>
    own.flatMap((option) => {
      const setting = settingOf(name, option)
      return setting === null ? [] : [item(setting.key, `${option.describe} (variable: ${setting.env})`)]
    }),
  )
  return {
    name: PAGE_OF_SETTINGS,
    number: 5,
    summary: 'Settings of canhazgpu, and defaults of its options',
    sections: [
      ...section('synopsis', [italic(PERSONAL_FILE), '.br', italic(MACHINE_FILE)]),
      ...section('description', fromMarkdown(sectionOf(settingsPage, 'Where a setting comes from'))),
      ...section('keys for every command', [roff('A dot means a key within a key.'), ...items(settings)]),
      ...section('defaults of the options of commands', items(defaults)),
      ...documented(settingsPage, ...SETTINGS_SECTIONS),
      ...section('files', items(SETTINGS_FILES)),
      ...seeAlso(PAGE_OF_SETTINGS, []),
    ],
  }
}

const SETTINGS_SECTIONS = ['The store', 'Waiting by default', 'Access to the dashboard', 'As root']

const item = (term: string, description: string): Item => [bold(term), roff(description)]

/** `-g, --gpus <count>` with bold flags and an italic value. */
function optionItem({ flags, describe, takes }: Option): Item {
  const [, names = flags, value = ''] = /^(.*?)(?: [<[](.*)[>\]])?$/.exec(flags) ?? []
  const bracket = takes === 'optional value' ? ['[', ']'] : ['', '']
  const shown = value === '' ? '' : ` ${bracket[0]}${italic(value)}${bracket[1]}`
  return [`${names.split(', ').map(bold).join(', ')}${shown}`, roff(describe)]
}

const reference = (name: string, number = 1): string => `${bold(name)}(${number})`

function seeAlso(self: string, commands: readonly Pick<Page, 'name'>[]): readonly string[] {
  const pages = [
    ...(self === 'canhazgpu' ? [] : [reference('canhazgpu')]),
    ...(self === PAGE_OF_SETTINGS ? [] : [reference(PAGE_OF_SETTINGS, 5)]),
    ...commands.map(({ name }) => reference(`canhazgpu-${name}`)),
  ]
  const all = `The whole documentation is at ${bold('/docs/')} of ${bold('canhazgpu web')}.`
  return section('see also', [pages.join(',\n'), '.PP', all])
}

const documented = (document: string, ...titles: readonly string[]): readonly string[] =>
  titles.flatMap((title) => section(title, fromMarkdown(sectionOf(document, title))))

/** The text below a heading, up to the next heading of the same level. */
function sectionOf(document: string, title: string): string {
  const text = document.split(`\n## ${title}\n`)[1]
  if (text === undefined) throw new Error(`there is no section '${title}' in docs`)
  return text.split(/^## /m)[0] ?? ''
}

/** The first table of the page about exit codes. */
const exitStatuses = (): string => /^\|.*\n\|.*\n(?:\|.*\n)*/m.exec(exitCodesPage)?.[0] ?? ''

const withoutCode = (markdown: string): string => markdown.replace(/^```[\s\S]*?^```$/gm, '')

/** The sections of the page of a command that its man page has from elsewhere. */
const REPLACED: readonly string[] = ['Options', 'Related']

const titlesOf = (page: string): readonly string[] =>
  [...page.matchAll(/^## (.*)$/gm)].map(([, title = '']) => title)

/** The text before the first section, without the title and the line that repeats the synopsis. */
const descriptionOf = (page: string): string =>
  (page.split(/^## /m)[0] ?? '').replace(/^# .*$/m, '').replace(/^`canhazgpu .*`$/m, '')
