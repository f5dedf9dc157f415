import type { Account } from '../pool/model.ts'
import { labelOf, unnamed } from './shown-names.ts'

/** The most shown names of one account that have labels. A user can choose a new name for each reservation. */
const MOST_NAMES = 100

interface Holder {
  readonly user: string
  readonly account: Pick<Account, 'uid' | 'name'>
}

/**
 * Finds the label under which the hours of an account are added up. The uid decides: two accounts with one name have
 * two labels. Hours may have been recorded as `uid 1234`, because the name service did not answer. They are added to
 * the name that the uid has in other records, unless it has several: the uid may have been given to another person.
 */
export class ShownAccounts {
  readonly #holders = new Map<string, Holder>()
  /** The number of names of each uid. */
  readonly #names = new Map<number, number>()

  /** Must be called for every holder before `labels`. Further names of an account have the key of the account itself. */
  keyOf(holder: Holder): string {
    const { user, account } = holder
    const key = JSON.stringify([account.uid, account.name, user])
    if (this.#holders.has(key)) return key
    const names = this.#names.get(account.uid) ?? 0
    if (names >= MOST_NAMES && user !== account.name) return this.keyOf({ ...holder, user: account.name })
    this.#names.set(account.uid, names + 1)
    this.#holders.set(key, holder)
    return key
  }

  /** The label of each key; keys with the same label are added up. */
  labels(): ReadonlyMap<string, string> {
    return new Map(this.#labelled().map(({ key, label }) => [key, label]))
  }

  /** The account of each label. */
  accounts(): ReadonlyMap<string, Holder['account']> {
    return new Map(this.#labelled().map(({ label, holder }) => [label, holder.account]))
  }

  #labelled(): readonly { readonly key: string; readonly label: string; readonly holder: Holder }[] {
    const names = this.#realNames()
    const named = [...this.#holders].map(
      ([key, holder]) => [key, withRealName(holder, names.get(holder.account.uid))] as const,
    )
    const uids = new Map<string, Set<number>>()
    for (const [, holder] of named) {
      const label = labelOf(holder)
      uids.set(label, (uids.get(label) ?? new Set()).add(holder.account.uid))
    }
    return named.map(([key, holder]) => {
      const label = labelOf(holder)
      const isShared = (uids.get(label)?.size ?? 0) > 1
      return { key, holder, label: isShared ? `${label} (uid ${holder.account.uid})` : label }
    })
  }

  #realNames(): ReadonlyMap<number, ReadonlySet<string>> {
    const names = new Map<number, Set<string>>()
    for (const { uid, name } of [...this.#holders.values()].map(({ account }) => account)) {
      if (name !== unnamed(uid)) names.set(uid, (names.get(uid) ?? new Set()).add(name))
    }
    return names
  }
}

function withRealName({ user, account }: Holder, names: ReadonlySet<string> | undefined): Holder {
  const { uid, name } = account
  const [only] = names ?? []
  if (name !== unnamed(uid) || only === undefined || names?.size !== 1) return { user, account }
  return { user: user === name ? only : user, account: { uid, name: only } }
}

/** Adds up the sums that have the same label. */
export function byLabel<Sum>(
  sums: ReadonlyMap<string, Sum>,
  labels: ReadonlyMap<string, string>,
  add: (a: Sum, b: Sum) => Sum,
): ReadonlyMap<string, Sum> {
  const merged = new Map<string, Sum>()
  for (const [key, sum] of sums) {
    const label = labels.get(key) ?? key
    const before = merged.get(label)
    merged.set(label, before === undefined ? sum : add(before, sum))
  }
  return merged
}
