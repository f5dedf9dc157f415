/**
 * Cuts a text to the columns of a terminal; a cut text ends in `…`. Wide characters take two columns and are never
 * halved. A colour ends with the text.
 */
export function fitted(text: string, columns: number): string {
  if (Bun.stringWidth(text) <= columns) return text
  const cut = Bun.sliceAnsi(text, 0, columns, '…')
  // Bun keeps a wide character that crosses the last column.
  return Bun.stringWidth(cut) <= columns ? cut : Bun.sliceAnsi(text, 0, columns - 1, '…')
}
