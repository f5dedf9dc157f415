import type { Account, Owner } from '../pool/model.ts'

/** `alice`, or `alice (bob)` if account bob chose the shown name alice. */
export function shownName({ owner }: { readonly owner: Owner }): string {
  return wordsFor({ user: owner.shownName, account: owner.account })
}

const wordsFor = ({ user, account }: { user: string; account: Pick<Account, 'name'> }): string =>
  user === account.name ? user : `${user} (${account.name})`

interface Holder {
  readonly user: string
  readonly account: Pick<Account, 'uid' | 'name'>
}

/**
 * The label under which the hours of an account are added up. The uid decides: two accounts with one name stay apart.
 * Hours that were recorded as `uid 1234`, because the name service did not answer, are added to the name that the uid
 * has elsewhere. If the uid had several names, they stay apart: it may have been given to another person.
 */
export class ShownAccounts {
  readonly #holders = new Map<string, Holder>()

  /** Must be called for every holder before `words`. */
  keyOf(holder: Holder): string {
    const { user, account } = holder
    const key = JSON.stringify([account.uid, account.name, user])
    if (!this.#holders.has(key)) this.#holders.set(key, holder)
    return key
  }

  /** The label of each key; keys with the same label are added up. */
  words(): ReadonlyMap<string, string> {
    const names = this.#realNames()
    const named = [...this.#holders].map(
      ([key, holder]) => [key, withRealName(holder, names.get(holder.account.uid))] as const,
    )
    const uids = new Map<string, Set<number>>()
    for (const [, holder] of named) {
      const words = wordsFor(holder)
      uids.set(words, (uids.get(words) ?? new Set()).add(holder.account.uid))
    }
    return new Map(
      named.map(([key, holder]) => {
        const words = wordsFor(holder)
        const isShared = (uids.get(words)?.size ?? 0) > 1
        return [key, isShared ? `${words} (uid ${holder.account.uid})` : words]
      }),
    )
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

const unnamed = (uid: number): string => `uid ${uid}`

/** Adds up the sums that have the same label. */
export function byWords<Sum>(
  sums: ReadonlyMap<string, Sum>,
  words: ReadonlyMap<string, string>,
  add: (a: Sum, b: Sum) => Sum,
): ReadonlyMap<string, Sum> {
  const merged = new Map<string, Sum>()
  for (const [key, sum] of sums) {
    const name = words.get(key) ?? key
    const before = merged.get(name)
    merged.set(name, before === undefined ? sum : add(before, sum))
  }
  return merged
}
