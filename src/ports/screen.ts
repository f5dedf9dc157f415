/** A terminal that shows one thing, drawn again and again. What it showed before comes back when it is closed. */
export interface Screen {
  /** Whether `q` can be typed. */
  readonly hasKeys: boolean
  readonly size: { readonly columns: number; readonly rows: number }
  /** Resolves when the user types `q`, or this process is told to end; the screen is closed by then. */
  readonly left: Promise<'left'>
  draw(lines: readonly string[]): void
  /** What to do, in place of what was asked before, when the size has changed. */
  onResize(redraw: () => void): void
  close(): void
}
