import { CanhazgpuError } from '../errors.ts'

const MB = 2 ** 20
/** A graphics card with 40 GB has 40 times 10^9 bytes, and a little more. `MB` is the unit of `status`. */
const UNIT_BYTES: Readonly<Record<string, number>> = {
  G: 1e9,
  GB: 1e9,
  GIB: 2 ** 30,
  M: MB,
  MB,
  MIB: MB,
}
const MOST_MB = 999_999_999

/** Examples for shell completion. */
export const memoryExamples: readonly string[] = ['16G', '24G', '40G', '48G', '80G']

/** Reads `40G`, `40GiB` or `40000MB` as MiB, rounded down. Throws `usage`. */
export function parseMemory(text: string, flag: string): number {
  const [, amount = '', unit = ''] = /^(\d{1,9}(?:\.\d{1,3})?)\s?([GM](?:i?B)?)$/i.exec(text) ?? []
  const mb = Math.floor((Number(amount) * (UNIT_BYTES[unit.toUpperCase()] ?? Number.NaN)) / MB)
  if (amount !== '' && mb >= 1 && mb <= MOST_MB) return mb
  throw new CanhazgpuError(
    'usage',
    `Invalid value for ${flag}: '${text}' - expected a size such as 40G or 40000MB`,
  )
}

/** `40G` if that is the size to the megabyte, else `40000MB`. `parseMemory` reads both. */
export function formatMemory(mb: number): string {
  const whole = Math.ceil((mb * MB) / 1e9)
  return Math.floor((whole * 1e9) / MB) === mb ? `${whole}G` : `${mb}MB`
}
