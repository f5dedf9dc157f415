interface ScrollableProps {
  readonly name: string
  readonly children: preact.ComponentChildren
}

/** A long table that can be opened, and scrolled with the mouse or the keyboard. */
export function Scrollable({ name, children }: ScrollableProps) {
  return (
    <details class="as-table">
      <summary>As a table</summary>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: the keyboard can scroll only an element that can have the focus */}
      <section class="scroll" tabIndex={0} aria-label={name}>
        {children}
      </section>
    </details>
  )
}
