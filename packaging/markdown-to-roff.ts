import { pagePath } from '../src/web/docs/docs-links.ts'
import { bold, items, literal, roff } from './roff.ts'

const CELL = '\u0000'
const ROW = '\u0001'
/** The first head of a table of options. A man page has them from the program itself. */
const OPTIONS_HEAD = 'option'

/** A part of the documentation as lines of a man page. A link is its text, or where a reader finds the page. */
export function fromMarkdown(markdown: string): readonly string[] {
  const text = Bun.markdown.render(markdown, {
    text: roff,
    codespan: (children) => `\\fB${children}\\fR`,
    strong: (children) => `\\fB${children}\\fR`,
    emphasis: (children) => `\\fI${children}\\fR`,
    link: (children, { href }) =>
      /^[\w\\-]+\.md$/.test(children) ? placeOf(href.replace(/#.*/, '')) : children,
    heading: (children) => block([`.SS ${children}`]),
    paragraph: (children) => block(['.PP', children]),
    code: (children) => block(literal(children.replace(/\n$/, ''))),
    list: (children) => block([children]),
    listItem: (children, { index, ordered }) => {
      const lines = children.split('\n').filter((line) => line !== '.PP')
      return block([ordered ? `.IP ${index + 1}. 4` : '.IP \\(bu 2', ...lines])
    },
    th: (children) => `${children}${CELL}`,
    td: (children) => `${children}${CELL}`,
    tr: (children) => `${children}${ROW}`,
    table: (children) => block(tableLines(children)),
  })
  return text.split('\n').filter((line) => line !== '')
}

/** No package contains the files of `docs`: a page is a man page, or one that the web server of the program has. */
function placeOf(file: string): string {
  const [, command] = /^docs\/commands\/(\w+)\.md$/.exec(file) ?? []
  if (command === 'README') return `${bold('canhazgpu')}(1)`
  if (command !== undefined) return `${bold(`canhazgpu-${command}`)}(1)`
  const address = pagePath(file)
  if (address === undefined) throw new Error(`a man page cannot name ${file}`)
  return `${bold(address)} of ${bold('canhazgpu web')}`
}

const block = (lines: readonly string[]): string => `\n${lines.join('\n')}\n`

/** A row becomes an item. With more than two columns, the head of each filled cell is shown. */
function tableLines(table: string): readonly string[] {
  const [head = [], ...rows] = table
    .split(ROW)
    .slice(0, -1)
    .map((row) => row.split(CELL).slice(0, -1))
  if (head[0] === OPTIONS_HEAD) return []
  return items(
    rows.map(([term = '', ...cells]) => {
      const described = cells.map((cell, at) => [cells.length === 1 ? '' : `${head[at + 1]}: `, cell])
      const filled = described.filter(([, cell]) => cell !== '').map((parts) => parts.join(''))
      return [term.includes('\\fB') ? term : `\\fB${term}\\fR`, filled.join('\n.br\n')]
    }),
  )
}
