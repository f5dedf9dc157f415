import { fitted } from './fitted.ts'

/** The text of an empty cell. */
export const EMPTY_CELL = '-'

const GAP = '  '

/**
 * Prints rows in aligned columns; the width of a cell is its width on a terminal. Columns without content are left out.
 * If the others are wider than `columns`, the widest are cut.
 */
export function table(
  header: readonly string[],
  rows: readonly (readonly string[])[],
  columns = Number.POSITIVE_INFINITY,
): string {
  const filled = header
    .map((_, at) => at)
    .filter((at) => rows.length === 0 || rows.some((row) => hasContent(row[at])))
  const all = [header, ...rows].map((row) => filled.map((at) => row[at] ?? ''))
  const widths = fittingWidths(
    filled.map((_, at) => Math.max(...all.map((row) => Bun.stringWidth(row[at] ?? '')))),
    columns,
  )
  return all.map((row) => `${fitted(aligned(row, widths), columns)}\n`).join('')
}

const hasContent = (cell: string | undefined): boolean =>
  cell !== undefined && cell !== '' && cell !== EMPTY_CELL

function aligned(row: readonly string[], widths: readonly number[]): string {
  return row
    .map((cell, at) => {
      const width = widths[at] ?? 0
      const shown = fitted(cell, width)
      return shown + ' '.repeat(width - Bun.stringWidth(shown))
    })
    .join(GAP)
    .trimEnd()
}

/** A narrower column would be useless. */
const NARROWEST = 4

/** Applies one limit to all widths, and lowers it until the columns fit or the limit is `NARROWEST`. */
function fittingWidths(widths: readonly number[], columns: number): readonly number[] {
  const room = columns - GAP.length * (widths.length - 1)
  const limited = (most: number) => widths.map((width) => Math.min(width, most))
  let most = Math.max(...widths)
  while (most > NARROWEST && sum(limited(most)) > room) most--
  // The last step may cut more than needed. The first columns that were cut get one column back each.
  let left = room - sum(limited(most))
  return limited(most).map((width, at) => (width < (widths[at] ?? 0) && left-- > 0 ? width + 1 : width))
}

const sum = (numbers: readonly number[]): number => numbers.reduce((total, each) => total + each, 0)
