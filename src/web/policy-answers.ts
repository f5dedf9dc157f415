import { accountUses, hasGroupLimit } from '../domain/policy/account-use.ts'
import { rulesOf } from '../domain/policy/rules.ts'
import type { Account } from '../domain/pool/model.ts'
import type { TimedPool } from '../ports/pool-service.ts'
import { accountDocument } from '../views/documents/accounts-document.ts'
import { policyDocument } from '../views/documents/policy-document.ts'
import type { AccountDocument } from '../views/schemas/accounts.ts'
import type { PolicyDocument } from '../views/schemas/policy.ts'

/** The Unix groups of accounts, by uid. An account is missing if its groups are not known. */
export type GroupsOf = (accounts: readonly Account[]) => Promise<ReadonlyMap<number, readonly number[]>>

/** The most accounts whose groups are looked up for one answer; those with most GPUs and requests first. */
const MOST_LOOKED_UP = 200

/** The rules of a pool, and what they mean for its accounts. */
export class PolicyAnswers {
  readonly #groupsOf: GroupsOf
  readonly #isAdvisory: boolean
  readonly #accounts = new WeakMap<TimedPool, Promise<readonly AccountDocument[]>>()

  constructor(groupsOf: GroupsOf, isAdvisory: boolean) {
    this.#groupsOf = groupsOf
    this.#isAdvisory = isAdvisory
  }

  rules({ pool }: TimedPool): PolicyDocument {
    return policyDocument({ rules: rulesOf(pool), isAdvisory: this.#isAdvisory })
  }

  /** Clients that ask about one state of the pool share one answer. */
  accounts(state: TimedPool): Promise<readonly AccountDocument[]> {
    const known = this.#accounts.get(state)
    if (known !== undefined) return known
    const documents = this.#documents(state)
    this.#accounts.set(state, documents)
    return documents
  }

  async #documents({ pool }: TimedPool): Promise<readonly AccountDocument[]> {
    const uses = accountUses(pool)
    const unknown = uses
      .filter(({ account, groups }) => groups === undefined && !isElsewhere(account))
      .slice(0, MOST_LOOKED_UP)
    const found: Awaited<ReturnType<GroupsOf>> = hasGroupLimit(pool.policy)
      ? await this.#groupsOf(unknown.map(({ account }) => account))
      : new Map()
    return uses.map((use) => {
      const groups = isElsewhere(use.account) ? [] : (use.groups ?? found.get(use.account.uid))
      return accountDocument(use, groups, pool)
    })
  }
}

/** Limits of groups do not apply in other user namespaces. */
const isElsewhere = ({ userNamespace }: Account): boolean => userNamespace !== undefined
