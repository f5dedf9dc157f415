import { CanhazgpuError } from '../../domain/errors.ts'

/** Reads a whole number within bounds; throws `usage` naming the flag and what it takes. */
export function wholeNumber(flag: string, smallest: number, largest: number): (text: string) => number {
  return (text) => {
    const number = /^[+]?\d+$/.test(text) ? Number(text) : Number.NaN
    if (Number.isSafeInteger(number) && number >= smallest && number <= largest) return number
    throw new CanhazgpuError(
      'usage',
      `Invalid value for ${flag}: '${text}' - expected a whole number from ${smallest} to ${largest}`,
    )
  }
}

/** More GPUs than any one machine has. */
export const MOST_GPUS = 1024

export const gpuCount = wholeNumber('--gpus', 1, MOST_GPUS)
