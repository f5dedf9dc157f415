import type { AuditRow, HistoryRow } from './evidence.ts'
import { firstAtOrAfter } from './search.ts'
import { by, type Violation } from './violation.ts'

/** A GPU and a time in which it is out of service, by the record of the pool: when the two transactions started. */
export interface Drain {
  readonly gpu: number
  readonly from: number
  readonly to: number
  /**
   * Every reader sees the drain, and its end. A transaction reads the clock when it starts; when the next one starts, it
   * has been committed.
   */
  readonly seenFrom: number
  readonly seenTo: number
}

export function drainsIn(audit: readonly AuditRow[], history: readonly HistoryRow[]): readonly Drain[] {
  const commits = [...audit.map(({ at }) => at), ...history.map((row) => row.started_at)].sort(
    (a, b) => a - b,
  )
  const nextAfter = (at: number) => commits[firstAtOrAfter(commits, at + 1, (each) => each)] ?? Infinity
  const open = new Map<string, number>()
  const drains: Drain[] = []
  const close = (unit: string, to: number) => {
    const from = open.get(unit)
    open.delete(unit)
    if (from === undefined) return
    drains.push({ gpu: Number(unit), from, to, seenFrom: nextAfter(from), seenTo: nextAfter(to) })
  }
  for (const { at, change } of audit) {
    if (change.kind === 'drain') for (const unit of change.units) open.set(unit, open.get(unit) ?? at)
    if (change.kind === 'restore') for (const unit of change.units) close(unit, at)
  }
  for (const unit of [...open.keys()]) close(unit, Infinity)
  return drains
}

/** Nobody gets a GPU while it is out of service. */
export const checkDrains = (drains: readonly Drain[], history: readonly HistoryRow[]): readonly Violation[] =>
  history.flatMap(({ gpu, note, started_at }) =>
    drains
      .filter((drain) => drain.gpu === gpu && drain.from < started_at && started_at < drain.to)
      .map(({ from, to }) => `${note} got GPU ${gpu} at ${started_at}, drained from ${from} to ${to}`)
      .map(by('drains')),
  )
