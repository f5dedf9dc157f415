import { LIMIT_KEYS, type LimitKey, type Millis, type Pool, type Scope } from '../pool/model.ts'
import { unitsHeld } from './account-use.ts'
import { isSameScope } from './change.ts'
import { isFor, limitedAs, limitFor, type Subject } from './limits.ts'
import { type Rule, type RuleKey, rulesOf } from './rules.ts'

/** All rules, and for those that are for this account what they mean for it. */
export function rulesFor(pool: Pool, subject: Subject, now: Millis): readonly Rule[] {
  const used = useOf(pool, subject, now)
  return rulesOf(pool).map((rule) => {
    const { key, source } = rule
    if (source.kind !== 'default' && !isFor(source, subject)) return rule
    const isInForce = isSource(source, limitOf(pool, key, subject))
    const amount = isInForce ? used[key] : undefined
    return { ...rule, own: { isInForce, ...(amount === undefined ? {} : { used: amount }) } }
  })
}

/** The scope of the limit in force; undefined if there is none, or the rule is not a limit. */
const limitOf = ({ policy }: Pool, key: RuleKey, subject: Subject): Scope | undefined =>
  isLimitKey(key) ? limitFor(policy, key, subject)?.scope : undefined

/** Without a limit, the default or the only value of the pool is in force. */
const isSource = (source: Rule['source'], limit: Scope | undefined): boolean =>
  limit === undefined || (source.kind !== 'default' && isSameScope(source, limit))

const isLimitKey = (key: RuleKey): key is LimitKey => (LIMIT_KEYS as readonly string[]).includes(key)

/** What the account uses now of each limit that counts something. */
function useOf(pool: Pool, { account }: Subject, now: Millis): Readonly<Partial<Record<RuleKey, number>>> {
  const counted = limitedAs(account)
  return {
    'max-gpus': unitsHeld(pool, account, now),
    'max-waiting': pool.queue.filter(({ owner }) => limitedAs(owner.account) === counted).length,
  }
}
