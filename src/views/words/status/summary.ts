import type { GpuStatus } from '../../../domain/observation/status.ts'
import { printable, shortened } from '../../../domain/text/text.ts'
import type { Display } from '../printed.ts'
import { table } from '../table.ts'
import { STATES } from './states.ts'

interface Summary {
  readonly total: number
  /** The number of GPUs of each model. */
  readonly models: Readonly<Record<string, number>>
  readonly available: number
  /** Reserved, or used without a reservation. */
  readonly inUse: number
  readonly errors: number
}

/** `status --summary`: one row. It has a column for errors only if there are errors. */
export function statusSummary(host: string, gpus: readonly GpuStatus[], { columns }: Display): string {
  const { total, models, available, inUse, errors } = summaryOf(gpus)
  const head = ['HOST', 'TOTAL', 'GPU MODELS', 'AVAILABLE', 'IN USE']
  const row = [printable(host), String(total), modelWords(models), String(available), String(inUse)]
  if (errors === 0) return table(head, [row], columns)
  return table([...head, 'ERRORS'], [[...row, String(errors)]], columns)
}

export function summaryOf(gpus: readonly GpuStatus[]): Summary {
  const count = (column: (typeof STATES)[GpuStatus['kind']]['column']) =>
    gpus.filter(({ kind }) => STATES[kind].column === column).length
  const names = [...new Set(gpus.map(({ unit }) => unit.device.name))].sort()
  return {
    total: gpus.length,
    models: Object.fromEntries(
      names.map((name) => [name, gpus.filter(({ unit }) => unit.device.name === name).length]),
    ),
    available: count('available'),
    inUse: count('inUse'),
    errors: count('errors'),
  }
}

function modelWords(models: Summary['models']): string {
  const entries = Object.entries(models).map(([name, count]) => [shortened(name, 60), count] as const)
  const [first, ...others] = entries
  if (first === undefined) return '-'
  return others.length === 0 ? first[0] : entries.map(([name, count]) => `${count} ${name}`).join(', ')
}
