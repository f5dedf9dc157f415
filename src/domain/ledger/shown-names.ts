import type { Account, Owner } from '../pool/model.ts'

/** `alice`, or `alice (bob)` if account bob chose the shown name alice. */
export function shownName({ owner }: { readonly owner: Owner }): string {
  return labelOf({ user: owner.shownName, account: owner.account })
}

/** The same for a shown name and an account. */
export const labelOf = ({ user, account }: { user: string; account: Pick<Account, 'name'> }): string =>
  user === account.name ? user : `${user} (${account.name})`

/** Stands for the name of an account that has none, or whose name is not known. */
export const unnamed = (uid: number): string => `uid ${uid}`
