import type { Moment } from './session.ts'

/** Text of one style in a row, and when it is there: from then on, or until the row changes. */
export interface Run {
  readonly row: number
  readonly column: number
  readonly text: string
  readonly style: Style
  readonly from: number
  readonly until?: number
}

/** SGR codes of the foreground and of bold text. */
export interface Style {
  readonly color?: number
  readonly bold?: true
}

interface Cell {
  readonly character: string
  readonly style: Style
}

const ESCAPE = '\u001b'
/** A control sequence, or a character. */
const PIECE = new RegExp(`${ESCAPE}\\[([?\\d;]*)([A-Za-z])|([\\s\\S])`, 'gu')

/** What a terminal shows over time. It understands what canhazgpu prints: colors, CR, LF and the clearing of a line. */
export function runsOf(moments: readonly Moment[]): readonly Run[] {
  const rows: Cell[][] = [[]]
  let [row, column, style]: [number, number, Style] = [0, 0, {}]
  const write = (text: string): void => {
    for (const [, codes = '', final, character] of text.matchAll(PIECE)) {
      const cells = rows[row] ?? []
      rows[row] = cells
      if (final === 'm') style = styled(style, codes)
      else if (final === 'K') cells.length = codes === '2' ? 0 : column
      else if (character === '\r') column = 0
      else if (character === '\n') row += 1
      else if (character !== undefined) cells[column++] = { character, style }
    }
  }
  const finished: Run[] = []
  let shown = new Map<string, Run>()
  for (const { seconds, text } of moments) {
    write(text)
    const now = new Map(
      rows.flatMap((cells, nth) => runsIn(cells, nth, seconds).map((run) => [keyOf(run), run])),
    )
    for (const [key, run] of shown) if (!now.has(key)) finished.push({ ...run, until: seconds })
    shown = new Map([...now].map(([key, run]) => [key, shown.get(key) ?? run]))
  }
  return [...finished, ...shown.values()]
}

const keyOf = ({ row, column, text, style }: Run): string => JSON.stringify([row, column, text, style])

function runsIn(cells: readonly Cell[], row: number, from: number): readonly Run[] {
  const runs: Run[] = []
  for (const [column, { character, style } = BLANK] of Array.from(cells).entries()) {
    const last = runs.at(-1)
    if (last?.style === style) runs[runs.length - 1] = { ...last, text: last.text + character }
    else runs.push({ row, column, text: character, style, from })
  }
  return runs.filter(({ text }) => text.trim() !== '')
}

const BLANK: Cell = { character: ' ', style: {} }

function styled(style: Style, codes: string): Style {
  let { color, bold } = style
  for (const code of codes.split(';')) {
    if (code === '' || code === '0') [color, bold] = [undefined, undefined]
    else if (code === '1') bold = true
    else if (/^[39][0-7]$/.test(code)) color = Number(code)
  }
  return { ...(color === undefined ? {} : { color }), ...(bold ? { bold } : {}) }
}
