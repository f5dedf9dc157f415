import type { AuditRecord } from '../../src/domain/ledger/audit.ts'
import { ruleChanges } from '../../src/domain/policy/rule-changes.ts'
import type { Policy, Pool } from '../../src/domain/pool/model.ts'

/** The rules and the drained units of a pool. */
export interface Administered {
  /** The values of the rules that are set, by key and scope. */
  readonly rules: Readonly<Record<string, unknown>>
  readonly drained: readonly string[]
}

const NO_RULES: Policy = { allocation: 'lru' }

export const administered = ({ policy, units }: Pick<Pool, 'policy' | 'units'>): Administered => ({
  rules: Object.fromEntries(
    ruleChanges(NO_RULES, policy).map(({ key, scope, after }) => [`${key} ${JSON.stringify(scope)}`, after]),
  ),
  drained: units.flatMap(({ id, drain }) => (drain === undefined ? [] : [id])).toSorted(),
})

/** The same, from the records alone: oldest first, from the set-up of the pool. */
export function replayed(audit: readonly AuditRecord[]): Administered {
  const rules = new Map<string, unknown>()
  const drained = new Set<string>()
  for (const { change } of audit) {
    switch (change.kind) {
      case 'rule': {
        const id = `${change.key} ${JSON.stringify(change.scope)}`
        if ((rules.get(id) ?? null) !== change.before) throw new Error(`${id}: not the value before`)
        if (change.after === null) rules.delete(id)
        else rules.set(id, change.after)
        break
      }
      case 'drain':
        for (const unit of change.units) drained.add(unit)
        break
      case 'restore':
        for (const unit of change.units) drained.delete(unit)
        break
      case 'refresh':
      case 'set-up':
        break
    }
  }
  return { rules: Object.fromEntries(rules), drained: [...drained].toSorted() }
}
