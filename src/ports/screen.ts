/** A full-screen terminal view that is redrawn. Closing it restores the previous content. */
export interface Screen {
  /** Whether the user can type `q`. */
  readonly hasKeys: boolean
  readonly size: { readonly columns: number; readonly rows: number }
  /** Resolves when the user types `q` or a signal asks this process to end; the screen is closed by then. */
  readonly left: Promise<'left'>
  draw(lines: readonly string[]): void
  /** Sets the callback for a changed size; it replaces the previous one. */
  onResize(redraw: () => void): void
  close(): void
}
