/**
 * Cuts a text to the columns of a terminal. A cut text ends in `…` and with a reset of its colour. A wide character
 * takes two columns and is never halved.
 */
export function fitted(text: string, columns: number): string {
  if (Bun.stringWidth(text) <= columns) return text
  // Bun keeps a wide character that crosses the last column, with the marks that follow it.
  for (let end = columns; end > 1; end--) {
    const cut = Bun.sliceAnsi(text, 0, end, '…')
    if (Bun.stringWidth(cut) <= columns) return cut
  }
  return columns < 1 ? '' : '…'
}
