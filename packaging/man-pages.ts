import { readFileSync } from 'node:fs'
import manifest from '../package.json'
import type { Option } from '../src/cli/options/option.ts'
import { programOptions } from '../src/cli/program.ts'
import { COMMANDS } from '../src/cli/registry.ts'

export interface ManPage {
  /** `canhazgpu-run.1` */
  readonly file: string
  /** In the language of man(7). */
  readonly text: string
}

/** One page for the program and one for each command, from the tables that `--help` shows. `time` is in Unix seconds. */
export async function manPages(time: number): Promise<readonly ManPage[]> {
  const commands = await Promise.all(
    COMMANDS.map(async ({ name, summary, load }) => ({ name, summary, ...(await load()) })),
  )
  const page = (name: string, summary: string, sections: readonly string[]): ManPage => {
    const date = new Date(time * 1000).toISOString().slice(0, 10)
    const header = `.TH ${name.toUpperCase()} 1 ${date} "canhazgpu ${manifest.version}"`
    return {
      file: `${name}.1`,
      text: [header, '.SH NAME', `${name} \\- ${escaped(summary)}`, ...sections, ''].join('\n'),
    }
  }
  const overview = page('canhazgpu', manifest.description, [
    ...['.SH SYNOPSIS', bold('canhazgpu'), escaped('[OPTIONS] COMMAND [ARGS]...')],
    ...section(
      'COMMANDS',
      commands.map(({ name, summary }) => [`canhazgpu-${name}(1)`, summary]),
    ),
    ...section('OPTIONS', terms(programOptions())),
    ...section('EXIT STATUS', exitStatuses()),
    ...section('FILES', FILES),
  ])
  return [
    overview,
    ...commands.map(({ name, summary, synopsis, options, examples }) =>
      page(`canhazgpu-${name}`, summary, [
        ...['.SH SYNOPSIS', bold('canhazgpu'), escaped(synopsis)],
        ...section('OPTIONS', terms(options)),
        ...['.SH EXAMPLES', ...examples.flatMap((example) => ['.PP', '.nf', escaped(example), '.fi'])],
        ...['.SH SEE ALSO', '.BR canhazgpu (1)'],
      ]),
    ),
  ]
}

const FILES = [
  ['/var/lib/canhazgpu/pool.db', 'The pool: reservations, queue and history'],
  ['/etc/canhazgpu/config.yaml', 'Settings of the machine'],
  ['~/.canhazgpu.yaml', 'Settings of a user'],
] as const

type Item = readonly [term: string, description: string]

const terms = (options: readonly Option[]): readonly Item[] =>
  options.map(({ flags, describe }) => [flags, describe])

/** The rows of the first table of docs/exit-codes.md, which tests compare with the program. */
function exitStatuses(): readonly Item[] {
  const rows = readFileSync('docs/exit-codes.md', 'utf8').matchAll(/^\| (\d+) +\| (.*?) +\|$/gm)
  return [...rows].map(([, status = '', meaning = '']) => [status, meaning.replaceAll('`', '')])
}

const section = (title: string, items: readonly Item[]): readonly string[] => [
  `.SH "${title}"`,
  ...items.flatMap(([term, description]) => ['.TP', bold(term), escaped(description)]),
]

const bold = (text: string): string => `\\fB${escaped(text)}\\fR`

/** A text line of man(7): a dash is a minus sign, and a dot or quote at the start is no request. */
function escaped(text: string): string {
  const plain = text.replaceAll('\\', '\\e').replaceAll('-', '\\-').replaceAll("'", '\\(aq')
  return plain.replace(/^\./, '\\&.').replaceAll('~', '\\(ti').replaceAll('^', '\\(ha')
}
