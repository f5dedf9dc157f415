import { describe, expect, test } from 'bun:test'
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { settingOf } from '../../src/cli/options/configured.ts'
import { programOptions } from '../../src/cli/program.ts'
import { COMMANDS } from '../../src/cli/registry.ts'
import { SETTINGS } from '../../src/domain/settings.ts'
import { bundleDocs } from '../../src/web/docs/bundle-docs.ts'
import { needing } from '../../test/support/needs.ts'
import { binary } from '../../test/support/pool.ts'
import { manPages } from '../man-pages.ts'
import { items, literal, page, roff, section } from '../roff.ts'

const pages = await manPages(0)
const commands = await Promise.all(COMMANDS.map(async ({ name, load }) => ({ name, ...(await load()) })))

test('there is a page for the program, for each command and for the configuration, with its date', () => {
  expect(pages.map(({ path }) => path)).toEqual([
    'man1/canhazgpu.1',
    ...COMMANDS.map(({ name }) => `man1/canhazgpu-${name}.1`),
    'man5/canhazgpu.yaml.5',
  ])
  for (const { text } of pages) expect(text).toMatch(/^\.TH \S+ [15] 1970-01-01 "canhazgpu \d/)
})

test('every hyphen is a minus sign, which can be copied into a shell', () => {
  for (const { text } of pages) expect(text.replace(/^\.TH .*$/m, '')).not.toMatch(/(?<!\\)-/)
})

test('a page names only documentation that is installed: man pages, and pages of the web server', () => {
  const served = Object.keys(bundleDocs())
  const installed = pages.map(({ path }) => path.replace(/^man\d\/(.*)\.(\d)$/, '$1($2)'))
  for (const { path, text } of pages) {
    const words = text
      .replaceAll(/\\f[BIR]/g, '')
      .replaceAll('\\-', '-')
      .replaceAll('\\&', '')
    expect([path, words.match(/[\w/-]+\.md\b/g)]).toEqual([path, null])
    const addresses = words.match(/\/docs\/[\w/-]*/g) ?? []
    expect([path, addresses.filter((address) => !served.includes(address))]).toEqual([path, []])
    const named = words.match(/\bcanhazgpu[\w.-]*\(\d\)/g) ?? []
    expect([path, named.filter((each) => !installed.includes(each))]).toEqual([path, []])
    expect(addresses).toContain('/docs/')
  }
})

needing('man', 'groff', 'mandoc').describe('man pages', () => {
  for (const { path, text } of pages) {
    test(`${path}: man, groff and mandoc have no complaint`, () => {
      expect(printed(['mandoc', '-T', 'lint'], text)).toBe('')
      for (const width of [60, 120]) {
        const { output, complaints } = shown(text, width)
        expect(complaints).toBe('')
        expect(output).toContain('SEE ALSO')
      }
    })
  }

  test('lists every flag of the program and of each command with its value, and no others', () => {
    const all = [{ page: 'canhazgpu', options: programOptions() }]
    for (const { name, options } of commands) all.push({ page: `canhazgpu-${name}`, options })
    for (const { page: name, options } of all) {
      const flags = options.map((option) => option.flags.replaceAll(/[<>]/g, ''))
      expect([name, terms(name, 'OPTIONS')]).toEqual([name, flags])
    }
  })

  test('lists every key of the configuration', () => {
    expect(terms('canhazgpu.yaml', 'KEYS FOR EVERY COMMAND')).toEqual(
      Object.values(SETTINGS).map(({ key }) => key),
    )
    expect(terms('canhazgpu.yaml', 'DEFAULTS OF THE OPTIONS OF COMMANDS')).toEqual(
      commands.flatMap(({ name, own }) => own.flatMap((option) => settingOf(name, option)?.key ?? [])),
    )
  })

  test('has defaults, exit statuses, variables and files', () => {
    const run = shownPage('canhazgpu-run')
    expect(run).toContain('-g, --gpus count\n              Number of GPUs to reserve (default: 1)\n')
    expect(run).toContain('Time between SIGINT and SIGKILL (default: 30s)')
    expect(run).toContain('NAME\n       canhazgpu-run - Reserve GPUs and run a command with')
    expect(terms('canhazgpu-run', 'EXIT STATUS')).toContain('127')
    expect(terms('canhazgpu-status', 'EXIT STATUS')).not.toContain('127')
    expect(terms('canhazgpu', 'ENVIRONMENT')).toContain('CANHAZGPU_STORE')
    expect(terms('canhazgpu', 'FILES')).toContain('~/.canhazgpu.yaml')
    expect(sectionOf('canhazgpu-drain', 'SEE ALSO')).toContain('canhazgpu-restore(1)')
  })

  test('`apropos` finds each page by its name and summary', () => {
    const folder = mkdtempSync(`${tmpdir()}/canhazgpu-man-`)
    try {
      chmodSync(folder, 0o755)
      for (const { path, text } of pages) {
        const file = `${folder}/page`
        writeFileSync(file, text)
        const name = path.replace(/^man\d\/(.*)\.\d$/, '$1')
        expect(printed(['lexgrog', file], '')).toStartWith(`${file}: "${name} - `)
      }
    } finally {
      rmSync(folder, { recursive: true })
    }
  })
})

/** Words that roff and man macros would change. */
const HOSTILE = [
  '.TH no request',
  "'br no request",
  '...',
  '\\fBbold\\fR \\(aq \\n(.x \\\\ \\',
  '--flag -- - \'quoted\' `run` "text" ~/x ^y',
  '.\\" no comment',
  '8 × 40 … ³ 日本',
  '',
  '%a $1 \\$1 #x @y \\& \\%',
]

needing('groff', 'mandoc').describe('every character is shown as it is', () => {
  const settings = { name: 'x', number: 1, summary: 'y', time: 0, version: 'z' } as const
  const text = page({
    ...settings,
    sections: [
      ...section('title', literal(roff(HOSTILE.join('\n')))),
      ...section(
        'list',
        items(HOSTILE.filter((line) => line !== '').map((term) => [roff(term), roff(term)])),
      ),
    ],
  })

  test.each([
    ['groff', ['groff', '-man', '-ww', '-Tutf8', '-P-cbou']],
    ['mandoc', ['mandoc', '-T', 'utf8']],
  ])('%s', (_, command) => {
    const output = plain(printed(command, text))
    expect(output).toContain(`日本\n\n           %a`)
    for (const line of HOSTILE.filter((each) => each !== '')) {
      expect(output).toContain(`\n           ${line}\n`)
      expect(output).toMatch(
        new RegExp(`\n {7}${escapedForRegExp(line)}(\n {14}| {2,})${escapedForRegExp(line)}\n`),
      )
    }
  })

  test('also where a long line is broken', () => {
    const words = Array.from({ length: 60 }, (_, nth) => (nth % 2 === 0 ? '.TH' : "'br")).join(' ')
    const broken = page({ ...settings, sections: section('title', [roff(words)]) })
    const output = plain(printed(['mandoc', '-T', 'utf8'], broken))
    expect(
      output
        .split('TITLE')[1]
        ?.split(/\s+/)
        .filter((word) => /TH|br/.test(word))
        .join(' '),
    ).toBe(words)
    expect(Math.max(...broken.split('\n').map((line) => line.length))).toBeLessThanOrEqual(82)
  })
})

describe('examples', () => {
  test('the program accepts the words of every example', () => {
    const folder = mkdtempSync(`${tmpdir()}/canhazgpu-examples-`)
    try {
      // `--help` checks all words, and then does nothing.
      const standIn = `#!/bin/sh\nname=$1; shift; echo "$name" >> ${folder}/called\n${binary} "$name" --help "$@" > /dev/null || echo "$name $*" >> ${folder}/refused\n`
      for (const [name, script] of [
        ['canhazgpu', standIn],
        ['sudo', '#!/bin/sh\nexec "$@"\n'],
      ] as const) {
        writeFileSync(`${folder}/${name}`, script, { mode: 0o755 })
      }
      const examples = pages
        .filter(({ path }) => path.startsWith('man1/'))
        .map(({ text }) => examplesIn(text))
      // bash reads the output of the examples neither as a file nor as a command.
      const script = ['source() { cat > /dev/null; }', 'eval() { :; }', ...examples.flat()].join('\n')
      const { stderr } = Bun.spawnSync(['bash', '-c', script], {
        env: { PATH: `${folder}:${process.env.PATH}` },
        stdin: 'ignore',
      })
      expect(stderr.toString()).toBe('')
      expect(readFileSync(`${folder}/called`, 'utf8').trim().split('\n')).toHaveLength(examples.flat().length)
      expect(() => readFileSync(`${folder}/refused`, 'utf8')).toThrow('ENOENT')
    } finally {
      rmSync(folder, { recursive: true })
    }
  })
})

function printed(command: readonly string[], text: string): string {
  const { stdout, stderr } = Bun.spawnSync([...command], { stdin: Buffer.from(text) })
  return `${stdout}${stderr}`
}

/** The page as `man` shows it at this width. */
function shown(text: string, width: number) {
  const env = { PATH: process.env.PATH, LC_ALL: 'C.UTF-8', MANWIDTH: `${width}`, MANROFFOPT: '-ww' }
  const { stdout, stderr } = Bun.spawnSync(['man', '--warnings', '--local-file', '-'], {
    stdin: Buffer.from(text),
    env,
  })
  return { output: plain(stdout.toString()), complaints: stderr.toString() }
}

const textOf = (name: string): string => pages.find(({ path }) => path.includes(`/${name}.`))?.text ?? ''

const shownPage = (name: string): string => shown(textOf(name), 120).output

/** Without the characters that a backspace replaces (bold and underlined text), and with plain spaces. */
const plain = (text: string): string =>
  text
    .split('\b')
    .map((part, at, parts) => (at < parts.length - 1 ? part.slice(0, -1) : part))
    .join('')
    .replaceAll('\u00a0', ' ')

const sectionOf = (name: string, title: string): string =>
  shownPage(name).split(`\n${title}\n`)[1]?.split(/^\S/m)[0] ?? ''

/** The terms of a list. A short one has its description on the same line. */
const terms = (name: string, title: string): readonly string[] =>
  [...sectionOf(name, title).matchAll(/(?:^|\n\n) {7}(\S.*?)(?=\n {14}\S| {2,}\S| (?=[A-Z]))/g)].map(
    ([, term = '']) => term,
  )

const escapedForRegExp = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')

/** The lines of the examples, with their characters as in a terminal. */
function examplesIn(text: string): readonly string[] {
  const block = /^\.SH EXAMPLES\n\.RS 4\n\.EX\n([\s\S]*?)\n\.EE$/m.exec(text)?.[1] ?? ''
  const readable = block.replaceAll('\\-', '-').replaceAll('\\(aq', "'").replaceAll('\\(dq', '"')
  return readable.split('\n')
}
