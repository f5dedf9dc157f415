import type { AuditedChange, AuditRecord, RuleChange } from '../../domain/ledger/audit.ts'
import { gpuNumber } from '../../domain/pool/units.ts'
import type { AuditDocument, ChangeDocument } from '../schemas/audit.ts'
import type { ShownAudit } from '../words/audit-words.ts'
import { ruleValue } from '../words/rule-value.ts'
import { sourceDocument } from './policy-document.ts'
import { timestamp } from './status-document.ts'

export const auditDocument = ({ audit, isAdvisory }: ShownAudit): AuditDocument => ({
  advisory: isAdvisory,
  changes: audit.map(recordDocument),
})

const recordDocument = ({ at, by, login, change }: AuditRecord): ChangeDocument => ({
  at: timestamp(at),
  by: by.name,
  uid: by.uid,
  ...(login === undefined ? {} : { login: login.name, login_uid: login.uid }),
  ...changeDocument(change),
  ...('reason' in change && change.reason !== undefined ? { reason: change.reason } : {}),
})

function changeDocument(change: AuditedChange) {
  switch (change.kind) {
    case 'rule': {
      const { kind, key, scope, before, after } = change
      const values = { before: valueIn(key, before), after: valueIn(key, after) }
      return { change: kind, rule: key, ...sourceDocument(scope), ...values }
    }
    case 'drain':
    case 'restore':
    case 'refresh':
      return { change: change.kind, gpu_ids: change.units.map(gpuNumber) }
    case 'cancel': {
      const { kind, booking, owner, gpus, from, until } = change
      return {
        ...{ change: kind, booking, user: owner.shownName, account: owner.account.name, gpus },
        ...{ from: timestamp(from), until: timestamp(until) },
      }
    }
    case 'set-up':
      return { change: change.kind, gpus: change.units, provider: change.provider, reset: change.isReset }
  }
}

const valueIn = (key: RuleChange['key'], value: RuleChange['after']): string | null =>
  value === null ? null : ruleValue({ key, value })
