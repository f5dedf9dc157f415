/**
 * Text that others wrote (names, notes, process titles, what a driver says), made safe to print: control
 * and formatting characters could move the cursor, recolour the line or reverse its direction.
 */
export function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, ' ').trim()
}

/** As `printable`, and never longer than `length` characters. */
export function shortened(text: string, length: number): string {
  const whole = printable(text)
  return whole.length <= length ? whole : `${whole.slice(0, length - 1)}…`
}
