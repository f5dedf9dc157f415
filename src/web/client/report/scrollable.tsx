interface ScrollableProps {
  readonly name: string
  readonly children: preact.ComponentChildren
}

/** A long table that unfolds and scrolls by wheel and keys. */
export function Scrollable({ name, children }: ScrollableProps) {
  return (
    <details class="as-table">
      <summary>As a table</summary>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: without focus the keyboard could not scroll it */}
      <section class="scroll" tabIndex={0} aria-label={name}>
        {children}
      </section>
    </details>
  )
}
