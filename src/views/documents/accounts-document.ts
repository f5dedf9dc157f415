import { type AccountUse, allowedFrom, limitsOf, unitCount } from '../../domain/policy/account-use.ts'
import type { Rule } from '../../domain/policy/rules.ts'
import { LIMIT_KEYS, type Pool } from '../../domain/pool/model.ts'
import { gpuNumber, unitsOf } from '../../domain/pool/units.ts'
import type { AccountDocument } from '../schemas/accounts.ts'
import { ruleDocument } from './policy-document.ts'
import { definedOnly, expiryOf, timestamp } from './status-document.ts'

/** What an account has now, and its limits. Undefined groups are unknown. */
export function accountDocument(
  use: AccountUse,
  groups: readonly number[] | undefined,
  pool: Pool,
): AccountDocument {
  const { account, reservations, waiting, bookings } = use
  const limits = limitsOf(pool.policy, account, groups)
  const unknown = LIMIT_KEYS.filter((key) => !limits.some((rule) => rule.key === key))
  const [nextEnd] = reservations.flatMap(({ term }) => expiryOf(term) ?? []).sort()
  return definedOnly({
    ...(account.userNamespace === undefined
      ? { account: account.name, uid: account.uid }
      : { user_namespaces: true as const }),
    gpus: unitCount(use),
    gpu_ids: reservations.flatMap((held) => unitsOf(held).map(gpuNumber)).sort((a, b) => a - b),
    waiting,
    bookings,
    next_end: nextEnd,
    allowed_at: allowedAt(use, limits, pool),
    limits: limits.map(ruleDocument),
    unknown_limits: unknown.length === 0 ? undefined : unknown,
  })
}

function allowedAt(use: AccountUse, limits: readonly Rule[], pool: Pool): string | undefined {
  const most = limits.find(({ key }) => key === 'max-gpus')?.value
  if (typeof most !== 'number' || unitCount(use) < most) return undefined
  const at = allowedFrom(pool, use.account, {
    ...{ further: 1, most, now: pool.writtenAt.wall, duration: 0 },
  })
  return at === undefined ? undefined : timestamp(at)
}
