import { CanhazgpuError } from '../errors.ts'
import type { Millis } from '../pool/model.ts'

const UNIT_MS: Readonly<Record<string, Millis>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 }
const LONGEST: Millis = 365 * 86_400_000
const SHORTEST: Millis = 1_000
/** Far more than any duration needs; the regular expression is slow on long texts. */
const MAX_LENGTH = 100
const FORMATS = 'use for example 30s, 30m, 2h, 1d, 0.5h or 1h30m'

/** Examples for shell completion. */
export const durationExamples: readonly string[] = ['30m', '1h', '2h', '4h', '8h', '1d']

/**
 * Reads `30s`, `30m`, `2h`, `1d`, `0.5h`, `1h30m`: numbers with units, largest first, each unit once.
 * From one second to 365 days. Throws `usage` with the formats that work.
 */
export function parseDuration(text: string): Millis {
  const refuse = (why: string): never => {
    throw new CanhazgpuError('usage', `Invalid duration '${text}': ${why}`, { hint: FORMATS })
  }
  if (text.length > MAX_LENGTH) refuse('not a duration')
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?|\.\d+)([smhd])/g)]
  if (parts.length === 0 || parts.map((part) => part[0]).join('') !== text) {
    if (/^\s*-/.test(text)) refuse('a duration is positive')
    if (/^\d+(\.\d+)?$/.test(text)) refuse('the unit is missing')
    refuse('not a duration')
  }
  let total = 0
  let previousUnit = Number.POSITIVE_INFINITY
  for (const [, amount, unit] of parts) {
    const unitMs = UNIT_MS[unit ?? ''] ?? 0
    if (unitMs >= previousUnit) refuse('units go from large to small, each once')
    previousUnit = unitMs
    total += Number(amount) * unitMs
  }
  if (total === 0) refuse('a duration is longer than zero')
  if (total < SHORTEST) refuse('the shortest is 1s')
  if (total > LONGEST) refuse('the longest is 365d')
  return Math.round(total)
}

/** `8h 0m 0s`: never negative, whole seconds, no days. */
export function formatDuration(ms: Millis): string {
  const seconds = Math.max(0, Math.floor(ms / 1_000))
  return `${Math.floor(seconds / 3_600)}h ${Math.floor(seconds / 60) % 60}m ${seconds % 60}s`
}
