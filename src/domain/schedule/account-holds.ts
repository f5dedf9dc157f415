import type { Calendar } from './calendar.ts'
import type { Use } from './peak-use.ts'
import { NEVER } from './term-times.ts'

/** How many units each account holds now, as limits count accounts. */
export function heldByAccount(calendar: Calendar): Map<number, number> {
  const held = new Map<number, number>()
  for (let place = 0; place < calendar.units.length; place++) {
    if (!calendar.isHeld(place)) continue
    const account = calendar.accountAt(place)
    if (account !== undefined) held.set(account, (held.get(account) ?? 0) + 1)
  }
  return held
}

/** What the account has now. */
export const usesNow = (calendar: Calendar, account: number): readonly Use[] =>
  calendar.units.flatMap((_, place): readonly Use[] =>
    calendar.isHeld(place) && calendar.accountAt(place) === account
      ? [{ from: Number.NEGATIVE_INFINITY, until: calendar.heldUntil[place] ?? NEVER, units: 1 }]
      : [],
  )
