/** Far longer than any condition takes on the slowest machine. It ends a failing test; no test waits for it to pass. */
const PATIENCE_MS = 30_000
const LOOK_EVERY_MS = 5

/** Waits for a condition; fails with the text of `what` if it stays false. */
export async function until<Value>(
  what: string,
  condition: () => Value | Promise<Value>,
): Promise<NonNullable<Exclude<Value, false>>> {
  const deadline = performance.now() + PATIENCE_MS
  for (;;) {
    const value = await condition()
    if (value) return value as NonNullable<Exclude<Value, false>>
    if (performance.now() > deadline) throw new Error(`waited in vain until ${what}`)
    await Bun.sleep(LOOK_EVERY_MS)
  }
}
