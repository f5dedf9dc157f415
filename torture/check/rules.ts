import type { AuditRow } from './evidence.ts'

/** The rules of the pool at every time, by its record of changes. */
export class Rules {
  readonly #changes: readonly RuleChange[]

  constructor(audit: readonly AuditRow[]) {
    this.#changes = audit.flatMap(({ at, change }) => {
      if (change.kind !== 'rule') return []
      const { key, scope, after } = change
      return [{ at, key, uid: scope.kind === 'account' ? scope.uid : null, value: after }]
    })
  }

  /**
   * All values that were in force for the account at some time of this span, ends included; null: no limit. Two changes
   * within a millisecond count both.
   */
  inForce(key: string, uid: number, { from, to }: Span): readonly (number | null)[] {
    const relevant = this.#changes.filter((each) => each.key === key && (each.uid ?? uid) === uid)
    let [ofPool, own]: (number | null)[] = [null, null]
    const values: (number | null)[] = []
    const note = () => values.push(own ?? ofPool ?? null)
    for (const { at, uid: scope, value } of relevant) {
      if (at > to) break
      if (at >= from) note()
      if (scope === null) ofPool = value
      else own = value
    }
    note()
    return values
  }

  /** The largest of these values; infinite if there was no limit at some time. */
  most(key: string, uid: number, span: Span): number {
    const values = this.inForce(key, uid, span).map((value) => value ?? Number.POSITIVE_INFINITY)
    return Math.max(...values)
  }

  /** Whether the account had this limit at some time. */
  wasLimited(key: string, uid: number, span: Span): boolean {
    return this.inForce(key, uid, span).some((value) => value !== null)
  }
}

/** By the clock of the pool. */
export interface Span {
  readonly from: number
  readonly to: number
}

interface RuleChange {
  readonly at: number
  readonly key: string
  /** The account; null: everybody. */
  readonly uid: number | null
  readonly value: number | null
}
