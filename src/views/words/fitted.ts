/**
 * The text as far as the columns of a terminal hold it, ending in `…` where it was cut. Wide characters take two
 * columns and are never halved; colours end where the text does.
 */
export function fitted(text: string, columns: number): string {
  if (Bun.stringWidth(text) <= columns) return text
  const cut = Bun.sliceAnsi(text, 0, columns, '…')
  // A wide character across the last column is kept whole by Bun.
  return Bun.stringWidth(cut) <= columns ? cut : Bun.sliceAnsi(text, 0, columns - 1, '…')
}
