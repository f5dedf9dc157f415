import { bookingsOf } from '../pool/bookings.ts'
import { LIMIT_KEYS, type LimitKey, type Millis, type Owner, type Pool, type Scope } from '../pool/model.ts'
import { unitsHeld } from './account-use.ts'
import { isSameScope } from './change.ts'
import { isFor, limitedAs, limitFor, type Subject } from './limits.ts'
import { type OwnRule, type Rule, type RuleKey, rulesOf } from './rules.ts'

/** All rules, and for those that are for this account what they mean for it. */
export function rulesFor(pool: Pool, subject: Subject, now: Millis): readonly Rule[] {
  const used = useOf(pool, subject, now)
  return rulesOf(pool).map((rule) => {
    const { key, source } = rule
    if (source.kind !== 'default' && !isFor(source, subject)) return rule
    const isInForce = isSource(source, limitOf(pool, key, subject))
    return { ...rule, own: { isInForce, ...(isInForce ? used[key] : {}) } }
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
function useOf(pool: Pool, subject: Subject, now: Millis): Readonly<Partial<Record<RuleKey, Amounts>>> {
  const counted = limitedAs(subject.account)
  const own = (each: { readonly owner: Owner }) => limitedAs(each.owner.account) === counted
  const booked = bookingsOf(pool).filter(own).length
  const mayBook = limitFor(pool.policy, 'bookings', subject)?.value === 1
  return {
    'max-gpus': { used: unitsHeld(pool, subject.account, now) },
    'max-waiting': {
      used: pool.queue.filter(own).length,
      ...(booked > 0 || mayBook ? { booked } : {}),
    },
  }
}

type Amounts = Pick<OwnRule, 'used' | 'booked'>
