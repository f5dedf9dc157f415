import { cpus, loadavg, totalmem } from 'node:os'
import type { Figure, Row } from './row.ts'

export interface Result extends Figure {
  readonly row: Pick<Row, 'name' | 'what'>
}

export type Verdict = 'within' | 'over' | 'broken'

export function verdictOf({ ratio, budget, broken }: Figure): Verdict {
  if (broken.length > 0) return 'broken'
  return ratio <= budget ? 'within' : 'over'
}

export function machine() {
  const [cpu] = cpus()
  return {
    cpu: cpu?.model.trim() ?? 'unknown',
    cores: cpus().length,
    memory_gib: Math.round(totalmem() / 2 ** 30),
    load: Number(loadavg()[0]?.toFixed(2)),
    bun: Bun.version,
  }
}

export function resultText(result: Result): string {
  const { row, value, comparedWith, ratio, budget, broken } = result
  const verdict = verdictOf(result)
  return [
    `${verdict.padEnd(7)} ${ratio.toFixed(2)} of at most ${budget}  ${row.what}`,
    `          ${value}`,
    `          against ${comparedWith}`,
    ...broken.map((fact) => `          BROKEN: ${fact}`),
  ].join('\n')
}

export function resultDocument(result: Result) {
  const { row, ...figure } = result
  return { name: row.name, what: row.what, verdict: verdictOf(result), ...figure }
}
