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
  /** Out of service and without a holder. */
  readonly drained: number
  readonly errors: number
}

/** `status --summary`: one row. It has columns for drained GPUs and for errors only if there are any. */
export function statusSummary(host: string, gpus: readonly GpuStatus[], { columns }: Display): string {
  const { total, models, available, inUse, drained, errors } = summaryOf(gpus)
  const head = ['HOST', 'TOTAL', 'GPU MODELS', 'AVAILABLE', 'IN USE']
  const row = [printable(host), String(total), modelWords(models), String(available), String(inUse)]
  const counted = [
    ['DRAINED', drained],
    ['ERRORS', errors],
  ] as const
  const others = counted.filter(([, count]) => count > 0)
  const names = others.map(([name]) => name)
  const counts = others.map(([, count]) => String(count))
  return table([...head, ...names], [[...row, ...counts]], columns)
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
    drained: count('drained'),
    errors: count('errors'),
  }
}

export function modelWords(models: Summary['models']): string {
  const entries = Object.entries(models).map(([name, count]) => [shortened(name, 60), count] as const)
  const [first, ...others] = entries
  if (first === undefined) return '-'
  return others.length === 0 ? first[0] : entries.map(([name, count]) => `${count} ${name}`).join(', ')
}
