/** Far longer than any condition takes on the slowest machine. Only a failing test reaches it. */
const TIMEOUT_MS = 30_000
const CHECK_EVERY_MS = 5

/** Waits until the condition is true; returns its value. Throws an error with `what` if it stays false. */
export async function until<Value>(
  what: string,
  condition: () => Value | Promise<Value>,
): Promise<NonNullable<Exclude<Value, false>>> {
  const deadline = performance.now() + TIMEOUT_MS
  for (;;) {
    const value = await condition()
    if (value) return value as NonNullable<Exclude<Value, false>>
    if (performance.now() > deadline) throw new Error(`timed out waiting until ${what}`)
    await Bun.sleep(CHECK_EVERY_MS)
  }
}
