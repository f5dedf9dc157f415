import type { AuditRow, HistoryRow } from './evidence.ts'
import { by, type Violation } from './violation.ts'

/** A GPU and a time in which it is out of service, by the record of the pool. */
export interface Drain {
  readonly gpu: number
  readonly from: number
  readonly to: number
}

export function drainsIn(audit: readonly AuditRow[]): readonly Drain[] {
  const open = new Map<string, number>()
  const drains: Drain[] = []
  for (const { at, change } of audit) {
    if (change.kind === 'drain') for (const unit of change.units) open.set(unit, open.get(unit) ?? at)
    if (change.kind !== 'restore') continue
    for (const unit of change.units) {
      drains.push({ gpu: Number(unit), from: open.get(unit) ?? at, to: at })
      open.delete(unit)
    }
  }
  return [...drains, ...[...open].map(([unit, from]) => ({ gpu: Number(unit), from, to: Infinity }))]
}

/** Nobody gets a GPU while it is out of service. */
export const checkDrains = (drains: readonly Drain[], history: readonly HistoryRow[]): readonly Violation[] =>
  history.flatMap(({ gpu, note, started_at }) =>
    drains
      .filter((drain) => drain.gpu === gpu && drain.from < started_at && started_at < drain.to)
      .map(({ from, to }) => `${note} got GPU ${gpu} at ${started_at}, drained from ${from} to ${to}`)
      .map(by('drains')),
  )
