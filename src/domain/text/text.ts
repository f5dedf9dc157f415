/**
 * Characters that could move the cursor, recolor, break or reverse a line, or that are invisible: control and
 * formatting characters, line separators, and blank letters and joiners.
 */
const UNPRINTABLE = /(?:[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\u115f\u1160\u3164\uffa0]|\u034f|\u17b4|\u17b5)+/gu

/** Most texts. Short commands need not compile the large expression for them. */
const PRINTABLE_ASCII = /^[ -~]*$/

/** Makes text from other sources (names, notes, process titles, driver messages) safe to print. */
export function printable(text: string): string {
  return (PRINTABLE_ASCII.test(text) ? text : text.replace(UNPRINTABLE, ' ')).trim()
}

/** As `printable`, and never longer than `length` characters. */
export function shortened(text: string, length: number): string {
  const whole = printable(text)
  // Drops half of a surrogate pair.
  return whole.length <= length ? whole : `${whole.slice(0, length - 1).replace(/[\ud800-\udbff]$/, '')}…`
}

/** JSON that is safe to print on a terminal: unprintable characters are escaped, so nothing is lost. */
export function printableJson(value: unknown, indent?: number): string {
  return JSON.stringify(value, null, indent).replace(UNPRINTABLE, escaped)
}

function escaped(run: string): string {
  return run.replace(/[^\n]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
}
