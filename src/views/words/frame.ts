import type { Millis } from '../../domain/pool/model.ts'
import { printable } from '../../domain/text/text.ts'
import { timeOfDay } from './clock-time.ts'
import { fitted } from './fitted.ts'

interface Size {
  readonly columns: number
  readonly rows: number
}

/** The lines of a text that fit on a screen. If some do not fit, the last line has the number of hidden lines. */
export function frame(text: string, { columns, rows }: Size): readonly string[] {
  const lines = text.trimEnd().split('\n')
  const shown = lines.length <= rows ? lines : lines.slice(0, Math.max(0, rows - 1))
  const hidden = lines.length - shown.length
  const all = hidden === 0 ? shown : [...shown, `… ${hidden} more lines`]
  return all.map((line) => fitted(line, columns))
}

/** The first line of `--watch`. */
export function watchHead(host: string, now: Millis, hasKeys: boolean): string {
  return `${printable(host)}, ${timeOfDay(now)} - ${hasKeys ? 'q' : 'Ctrl-C'} to leave`
}
