import type { NamedChange, NamedScope } from '../../app/administration.ts'
import { CanhazgpuError } from '../../domain/errors.ts'
import { LEAST_KEPT } from '../../domain/ledger/kept-history.ts'
import { RULE_KEYS, type RuleKey } from '../../domain/policy/rules.ts'
import { ALLOCATIONS, LIMIT_KEYS, type Millis } from '../../domain/pool/model.ts'
import { socketPathIn } from '../../domain/settings.ts'
import { auditDocument } from '../../views/documents/audit-document.ts'
import { policyDocument } from '../../views/documents/policy-document.ts'
import { auditText, type ShownAudit } from '../../views/words/audit-words.ts'
import { policyText, type ShownPolicy } from '../../views/words/policy-words.ts'
import { unlessRefused } from '../../views/words/refusals.ts'
import { durationValue } from '../../views/words/rule-value.ts'
import { command } from '../command.ts'
import type { Given } from '../command-spec.ts'
import { duration, type Kind, megabytes, oneOf, shownText, wholeNumber } from '../options/kinds.ts'
import { option } from '../options/option.ts'
import { seeHelp } from '../options/parse.ts'

const ACTIONS = ['set', 'unset'] as const

const word: Kind<string> = {
  read: (text) => text,
  candidates: () => [...ACTIONS, ...RULE_KEYS],
}

/** As many as the daemon answers. */
const MOST_SHOWN = 1_000
const USUALLY_SHOWN = 50

const options = [
  option('--account <name>', 'The limit of this account only', { kind: shownText, onlyTyped: true }),
  option('--group <name>', 'The limit of each member of this Unix group', {
    kind: shownText,
    onlyTyped: true,
  }),
  option('-r, --reason <text>', 'Why the rule changes, shown by --history', {
    kind: shownText,
    onlyTyped: true,
  }),
  option('--history [count]', 'Show the last changes of rules, drains and set-ups (default: 50)', {
    kind: wholeNumber(1, MOST_SHOWN),
    onlyTyped: true,
  }),
]

type PolicyOptions = Given<typeof options>

export const policy = command({
  examples: [
    'canhazgpu policy',
    'sudo canhazgpu policy set max-gpus 4',
    'sudo canhazgpu policy set max-duration 2d --group students',
    'sudo canhazgpu policy unset max-gpus --account ann',
    'canhazgpu policy --history',
  ],
  operand: { name: 'words', placeholder: '[set RULE VALUE | unset RULE]', kind: word, atMost: 3 },
  options,
  handle: async ({ words, ...given }, context): Promise<ShownPolicy | ShownAudit> => {
    const isAdvisory = socketPathIn(context.settings.store) === undefined
    if (given.history !== undefined) {
      refuseWithHistory(words, given)
      const most = given.history === true ? USUALLY_SHOWN : given.history
      return { audit: await (await context.pool()).usage({ kind: 'audit', most }), most, isAdvisory }
    }
    const change = changeIn(words, given)
    if (change !== null) unlessRefused(await (await context.administration()).setPolicy(change, given.reason))
    return { rules: await (await context.pool()).view('policy'), isAdvisory }
  },
  text: (shown, display) => ('rules' in shown ? policyText(shown, display) : auditText(shown, display)),
  json: (shown) => ('rules' in shown ? policyDocument(shown) : auditDocument(shown)),
})

/** Throws `usage`. */
function refuseWithHistory(words: readonly string[], { account, group, reason }: PolicyOptions): void {
  if (words.length === 0 && account === undefined && group === undefined && reason === undefined) return
  throw new CanhazgpuError('usage', '--history shows all changes, and takes no other option', SEE_HELP)
}

/** Null: only show the rules. Throws `usage`. */
function changeIn([action, name, value]: readonly string[], given: PolicyOptions): NamedChange | null {
  if (action === undefined) {
    const { account, group, reason } = given
    if (account === undefined && group === undefined && reason === undefined) return null
    throw new CanhazgpuError('usage', '--account, --group and --reason need a rule to set or unset', SEE_HELP)
  }
  const doing = oneOf(ACTIONS).read(action, 'the action')
  if (name === undefined) throw new CanhazgpuError('usage', `Missing RULE after '${doing}'`, SEE_HELP)
  const key = oneOf(RULE_KEYS).read(name, 'RULE')
  if (doing === 'set' && value === undefined) {
    throw new CanhazgpuError('usage', `Missing VALUE of ${key}`, SEE_HELP)
  }
  if (doing === 'unset' && value !== undefined) {
    throw new CanhazgpuError('usage', `Unexpected argument '${value}'`, SEE_HELP)
  }
  return changeOf(key, value, scopeOf(key, given))
}

const SEE_HELP = { hint: seeHelp('policy') }

/** Without a value the rule returns to its default. */
function changeOf(key: RuleKey, value: string | undefined, scope: NamedScope): NamedChange {
  const read = <Value>(kind: Kind<Value>): Value | null =>
    value === undefined ? null : kind.read(value, key)
  switch (key) {
    case 'allocation':
      return { key, value: read(oneOf(ALLOCATIONS)) }
    case 'memory-threshold':
      return { key, value: read(megabytes) }
    case 'keep-history':
      return { key, value: read(keptDuration) }
    case 'max-gpus':
      return { key, scope, value: read(wholeNumber(0, MOST_GPUS)) }
    case 'max-waiting':
      return { key, scope, value: read(wholeNumber(0, MOST_WAITING)) }
    case 'max-duration':
    case 'default-duration':
    case 'max-booked-ahead':
      return { key, scope, value: read(duration) }
    case 'bookings': {
      const chosen = read(oneOf(SWITCH))
      return { key, scope, value: chosen === null ? null : Number(chosen === 'on') }
    }
  }
}

const keptDuration: Kind<Millis> = {
  ...duration,
  read(text, name) {
    const kept = duration.read(text, name)
    if (kept >= LEAST_KEPT) return kept
    throw new CanhazgpuError(
      'usage',
      `Invalid value '${text}' for ${name}: at least ${durationValue(LEAST_KEPT)}`,
      {
        hint: 'the dashboard shows 90 days from single records',
      },
    )
  },
}

const SWITCH = ['on', 'off'] as const
const MOST_GPUS = 1024
const MOST_WAITING = 4096

function scopeOf(key: RuleKey, { account, group }: PolicyOptions): NamedScope {
  if (account !== undefined && group !== undefined) {
    throw new CanhazgpuError('usage', '--account and --group contradict each other')
  }
  if (account === undefined && group === undefined) return { kind: 'pool' }
  if (!LIMIT_KEYS.some((limit) => limit === key)) {
    throw new CanhazgpuError('usage', `${key} is the same for every account`, {
      hint: 'leave out --account and --group',
    })
  }
  return account === undefined ? { kind: 'group', name: group ?? '' } : { kind: 'account', name: account }
}
