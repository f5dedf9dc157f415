import type { AuditedChange, AuditRecord, RuleChange } from '../../domain/ledger/audit.ts'
import { shownName } from '../../domain/ledger/shown-names.ts'
import { printable } from '../../domain/text/text.ts'
import { formatWhen } from '../../domain/text/when.ts'
import { localOffset, logTime } from './clock-time.ts'
import { gpuWords } from './holders.ts'
import type { Display, Printed } from './printed.ts'
import { requestWords } from './request-words.ts'
import { ruleValue } from './rule-value.ts'
import { table } from './table.ts'

export interface ShownAudit {
  /** Newest first. */
  readonly audit: readonly AuditRecord[]
  /** How many were requested. */
  readonly most: number
  /** Whether any user could change the file of the pool. */
  readonly isAdvisory: boolean
}

const ADVISORY = 'This record is advisory: every user of this pool can write its file.\n'

export function auditText({ audit, most, isAdvisory }: ShownAudit, { columns }: Display): Printed {
  const notes = [
    ...(audit.length < most ? [] : [`The last ${most} changes: '--history <count>' shows more.\n`]),
    ...(isAdvisory ? [ADVISORY] : []),
  ]
  return {
    stdout: audit.length === 0 ? 'No change is recorded\n' : table(HEADER, audit.map(row), columns),
    ...(notes.length === 0 ? {} : { stderr: notes.join('') }),
  }
}

const HEADER = ['TIME', 'BY', 'UID', 'LOGIN', 'CHANGE', 'REASON']

const row = ({ at, by, login, change }: AuditRecord): readonly string[] => [
  logTime(at),
  printable(by.name),
  String(by.uid),
  login === undefined ? '' : `${printable(login.name)} (${login.uid})`,
  changeWords(change),
  printable('reason' in change ? (change.reason ?? '') : ''),
]

function changeWords(change: AuditedChange): string {
  switch (change.kind) {
    case 'rule':
      return `${ruleWords(change)}: ${valueWords(change, change.before)} -> ${valueWords(change, change.after)}`
    case 'drain':
      return `${gpuWords(change.units)} drained`
    case 'restore':
      return `${gpuWords(change.units)} restored`
    case 'cancel': {
      const [from, until] = [change.from, change.until].map((at) => formatWhen(at, localOffset))
      return `booking ${printable(change.booking)} of ${printable(shownName(change))} cancelled: ${requestWords({ kind: 'count', count: change.gpus })} from ${from} until ${until}`
    }
    case 'refresh':
      return `${gpuWords(change.units)} adopted as the driver shows now`
    case 'set-up':
      return `pool set up${change.isReset ? ' again' : ''} with ${change.units} GPUs (${change.provider})`
  }
}

const ruleWords = ({ key, scope }: RuleChange): string =>
  scope.kind === 'pool' ? key : `${key} of ${scope.kind} ${printable(scope.name)}`

const valueWords = ({ key }: RuleChange, value: RuleChange['after']): string =>
  value === null ? 'not set' : printable(ruleValue({ key, value }))
