/** The language of man pages, man(7), so that groff and mandoc show each character as it is. */

/** Escaped text. A dot at the start of a line is no request, and a long word may be divided after commas and brackets. */
export function roff(text: string): string {
  const escaped = text.replace(
    /[\\\-'"`^~]|[^\n -~]/gu,
    (character) => ESCAPES[character] ?? unicode(character),
  )
  return escaped.replace(/^\./gm, '\\&.').replace(/\S{40,}/g, (word) => word.replace(/[,\]]/g, '$&\\:'))
}

/** A plain hyphen, quote, accent or tilde becomes a typographic one, which a shell does not understand. */
const ESCAPES: Readonly<Record<string, string>> = {
  '\\': '\\(rs',
  '-': '\\-',
  "'": '\\(aq',
  '"': '\\(dq',
  '`': '\\(ga',
  '^': '\\(ha',
  '~': '\\(ti',
  '\t': '    ',
}

const unicode = (character: string): string =>
  `\\[u${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}]`

export const bold = (text: string): string => `\\fB${roff(text)}\\fR`

export const italic = (text: string): string => `\\fI${roff(text)}\\fR`

/** Escaped text that keeps its lines and spaces. */
export const literal = (escaped: string): readonly string[] => [
  '.PP',
  '.RS 4',
  '.EX',
  escaped.replace(/ +$/gm, '').replace(/^$/gm, '\\&'),
  '.EE',
  '.RE',
]

/** An item of a list, both parts escaped. */
export type Item = readonly [term: string, description: string]

export const items = (list: readonly Item[]): readonly string[] =>
  list.flatMap(([term, description]) => ['.TP', term, description])

export const section = (title: string, lines: readonly string[]): readonly string[] =>
  lines.length === 0 ? [] : [`.SH ${roff(title.toUpperCase())}`, ...lines]

export interface Page {
  /** `canhazgpu-run` */
  readonly name: string
  /** The section of the manual. */
  readonly number: 1 | 5
  readonly summary: string
  /** In Unix seconds. */
  readonly time: number
  readonly version: string
  readonly sections: readonly string[]
}

export function page({ name, number, summary, time, version, sections }: Page): string {
  const date = new Date(time * 1000).toISOString().slice(0, 10)
  const lines = [
    `.TH ${roff(name.toUpperCase())} ${number} ${date} "${roff(version)}"`,
    // No word is divided, and no space widened. In some versions of groff each paragraph undoes `.nh` unless HY is 0.
    '.nr HY 0',
    '.nh',
    '.ad l',
    ...section('name', [`${roff(name)} \\- ${roff(summary)}`]),
    ...sections,
  ]
  const text = lines.filter((line) => line !== '').join('\n')
  return `${wrapped(text.replace(/^(\.S[HS] .*\n)\.PP\n/gm, '$1'))}\n`
}

/** Style checkers refuse long lines. In text a line break means a space, but the term of a list is one line. */
function wrapped(text: string): string {
  const parts = text.split(/^(\.EX\n[\s\S]*?\n\.EE)$/m)
  return parts
    .map((part, at) => (at % 2 === 1 ? part : part.replace(/(?<!^\.TP\n)^[^.\n].{79,}$/gm, broken)))
    .join('')
}

const broken = (line: string): string =>
  line.replace(/(\S.{0,77})(?: +|$)/g, (_, piece: string) => `${piece.replace(/^\./, '\\&.')}\n`).trimEnd()
