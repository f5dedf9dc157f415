import type { Run, Style } from './screen.ts'

const CELL = { width: 8.4, height: 20 } as const
const MARGIN = { side: 20, top: 48, bottom: 16 } as const
const COLORS = [
  '#6e7681',
  '#ff7b72',
  '#3fb950',
  '#d29922',
  '#58a6ff',
  '#bc8cff',
  '#39c5cf',
  '#e6edf3',
] as const
const TEXT = '#c9d1d9'

export interface Picture {
  readonly runs: readonly Run[]
  readonly title: string
}

/**
 * An animation without scripts, which plays once. Where animations are off or not supported, the last screen is shown:
 * text that stays is visible by itself and hidden until its time, text that goes is the other way round.
 */
export function svg({ runs, title }: Picture): string {
  const rows = Math.max(...runs.map(({ row }) => row)) + 1
  const columns = Math.max(...runs.map(({ column, text }) => column + text.length))
  const width = Math.ceil(columns * CELL.width + 2 * MARGIN.side)
  const height = rows * CELL.height + MARGIN.top + MARGIN.bottom
  const buttons = ['#ff5f57', '#febc2e', '#28c840'].map(
    (color, nth) => `<circle cx="${MARGIN.side + 4 + nth * 20}" cy="20" r="6" fill="${color}"/>`,
  )
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img">`,
    `<title>${escaped(title)}</title>`,
    '<style>',
    'text { font: 14px ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace; white-space: pre }',
    '@keyframes hidden { from, to { opacity: 0 } }',
    '@keyframes shown { from, to { opacity: 1 } }',
    'text { animation: hidden var(--from) }',
    '.goes { opacity: 0; animation: shown var(--for) var(--from) }',
    '@media (prefers-reduced-motion) { text, .goes { animation: none } }',
    '</style>',
    `<rect width="${width}" height="${height}" rx="10" fill="#0d1117"/>`,
    ...buttons,
    ...runs.map(text),
    '</svg>',
    '',
  ].join('\n')
}

function text({ row, column, text, style, from, until }: Run): string {
  const x = round(MARGIN.side + column * CELL.width)
  const y = MARGIN.top + row * CELL.height + 14
  const length = round([...text].length * CELL.width)
  const goes = until === undefined ? '' : ` class="goes"`
  const lasts = until === undefined ? '' : `; --for: ${round(until - from)}s`
  const times = `--from: ${round(from)}s${lasts}`
  return `<text x="${x}" y="${y}" textLength="${length}" ${look(style)}${goes} style="${times}">${escaped(text)}</text>`
}

const look = ({ color, bold }: Style): string =>
  `fill="${color === undefined ? TEXT : COLORS[color % 10]}"${bold ? ' font-weight="bold"' : ''}`

const round = (value: number): number => Math.round(value * 100) / 100

const escaped = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
