const CELLS = 30

/** A bar that is filled to this part, from 0 to 1. */
export function progressBar(part: number): string {
  const filled = Math.round(Math.min(1, Math.max(0, part)) * CELLS)
  return '█'.repeat(filled) + '░'.repeat(CELLS - filled)
}
