import { fitted } from './fitted.ts'

/** The text of an empty cell. */
export const EMPTY_CELL = '-'

const GAP = '  '

/**
 * Prints rows in aligned columns; the width of a cell is its width on a terminal. Columns without content are left out.
 * If the others are wider than `columns`, notes are cut first, and then the widest, but no ids.
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
  const natural = filled.map((_, at) => widest(all, at))
  const room = columns - GAP.length * (filled.length - 1)
  const noteAt = filled.findIndex((at) => header[at] === NOTE)
  const idAt = filled.findIndex((at) => header[at] === ID)
  const widths = fittingWidths(withShortNotes(natural, noteAt, room), { room, idAt })
  return all.map((row) => `${fitted(aligned(row, widths), columns)}\n`).join('')
}

/** The stack has no room for the widths of a million rows as arguments. */
const widest = (rows: readonly (readonly string[])[], at: number): number =>
  rows.reduce((width, row) => Math.max(width, Bun.stringWidth(row[at] ?? '')), 0)

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

/** The head of the column with free text, which matters less than times and reasons. */
const NOTE = 'NOTE'
const SHORTEST_NOTE = 8

/** The head of the column with ids, which a user types. */
const ID = 'BOOKING'

/** Makes the column of notes narrower by the excess of all columns. `noteAt` is -1 without such a column. */
function withShortNotes(widths: readonly number[], noteAt: number, room: number): readonly number[] {
  const excess = Math.max(0, sum(widths) - room)
  return widths.map((width, at) =>
    at === noteAt ? Math.min(width, Math.max(SHORTEST_NOTE, width - excess)) : width,
  )
}

/** Applies one limit to all widths but that of ids, and lowers it until the columns fit or the limit is `NARROWEST`. */
function fittingWidths(
  widths: readonly number[],
  { room, idAt }: { readonly room: number; readonly idAt: number },
): readonly number[] {
  const limited = (most: number) => widths.map((width, at) => (at === idAt ? width : Math.min(width, most)))
  let most = Math.max(...widths)
  while (most > NARROWEST && sum(limited(most)) > room) most--
  // The last step may cut more than needed. The first columns that were cut get one column back each.
  let left = room - sum(limited(most))
  return limited(most).map((width, at) => (width < (widths[at] ?? 0) && left-- > 0 ? width + 1 : width))
}

const sum = (numbers: readonly number[]): number => numbers.reduce((total, each) => total + each, 0)
