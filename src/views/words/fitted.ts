/**
 * Cuts a text to the columns of a terminal. A cut text ends in `…` and with a reset of its colour. A wide character
 * takes two columns and is never halved.
 */
export function fitted(text: string, columns: number): string {
  if (Bun.stringWidth(text) <= columns) return text
  const cut = Bun.sliceAnsi(text, 0, columns, '…')
  // Bun keeps a wide character that crosses the last column.
  return Bun.stringWidth(cut) <= columns ? cut : Bun.sliceAnsi(text, 0, columns - 1, '…')
}
