import { useState } from 'preact/hooks'

const NAME = 'account'

/**
 * The account that the reader chose, from `?account=…` or, without it, from the browser's storage. There is no login:
 * everybody may look at every account.
 */
export function useChosenAccount(): readonly [string | null, (account: string | null) => void] {
  const [account, setAccount] = useState<string | null>(givenAccount)
  const choose = (chosen: string | null) => {
    setAccount(chosen)
    remember(chosen)
    const url = new URL(location.href)
    if (chosen === null) url.searchParams.delete(NAME)
    else url.searchParams.set(NAME, chosen)
    history.replaceState(null, '', url)
  }
  return [account, choose]
}

function givenAccount(): string | null {
  const inAddress = new URL(location.href).searchParams.get(NAME)
  if (inAddress !== null) return inAddress === '' ? null : inAddress
  try {
    return localStorage.getItem(NAME)
  } catch {
    return null
  }
}

function remember(account: string | null): void {
  try {
    if (account === null) localStorage.removeItem(NAME)
    else localStorage.setItem(NAME, account)
  } catch {
    // If the browser forbids storage, the choice lasts as long as the address.
  }
}
