/**
 * What could move the cursor, recolour the line, break it, reverse its direction, or is not seen at all:
 * control and formatting characters, line separators, and letters and joiners that show as nothing.
 */
const UNPRINTABLE = /(?:[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\u115f\u1160\u3164\uffa0]|\u034f|\u17b4|\u17b5)+/gu

/** Text that others wrote (names, notes, process titles, what a driver says), made safe to print. */
export function printable(text: string): string {
  return text.replace(UNPRINTABLE, ' ').trim()
}

/** As `printable`, and never longer than `length` characters. */
export function shortened(text: string, length: number): string {
  const whole = printable(text)
  // Half of a surrogate pair is no character.
  return whole.length <= length ? whole : `${whole.slice(0, length - 1).replace(/[\ud800-\udbff]$/, '')}…`
}

/** JSON that may be shown on a terminal: what is not printable stands in it as an escape, so nothing is lost. */
export function printableJson(value: unknown, indent?: number): string {
  return JSON.stringify(value, null, indent).replace(UNPRINTABLE, escaped)
}

function escaped(run: string): string {
  return run.replace(/[^\n]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
}
