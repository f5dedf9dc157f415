import { limitFor } from '../../../src/domain/policy/limits.ts'
import { bookingsOf } from '../../../src/domain/pool/bookings.ts'
import type {
  Limit,
  LimitKey,
  Millis,
  Moment,
  Policy,
  Pool,
  Reservation,
} from '../../../src/domain/pool/model.ts'
import type { Client } from './client.ts'

/** A jump of the clock by less than a second is not noticed. */
const TOLERANCE_MS: Millis = 2_000
/** After the last fault, if its GPUs are free. */
const BEGINS_WITHIN_MS: Millis = 25_000
const ROOT = { uid: 0, name: 'root' }

/** Rules with which GPUs can be booked. */
export const BOOKABLE: Policy = {
  allocation: 'lru',
  limits: [limit('max-duration', 60_000), limit('default-duration', 20_000), limit('bookings', 1)],
}

function limit(key: LimitKey, value: number): Limit {
  return { key, value, scope: { kind: 'pool' }, by: ROOT, at: 0 }
}

/** What a booking was promised, by the steady clock. */
interface Promised {
  readonly from: Millis
  readonly until: Millis
}

/** Checks each commit, and whether accepted bookings are kept. */
export class Calendar {
  readonly #violations: string[]
  readonly #promised = new Map<string, Promised>()

  constructor(violations: string[]) {
    this.#violations = violations
  }

  committed(before: Pool | null, after: Pool, { wall, steady }: Moment): void {
    for (const { id, term } of bookingsOf(after)) {
      if (this.#promised.has(id)) continue
      const promised = { from: term.from - wall + steady.ms, until: term.until - wall + steady.ms }
      this.#promised.set(id, promised)
    }
    const known = new Set(before?.reservations.map(({ id }) => id))
    for (const started of after.reservations)
      if (!known.has(started.id)) this.#started(after, started, steady.ms)
  }

  #started(pool: Pool, { id, holdings, owner, term }: Reservation, now: Millis): void {
    const held = new Set(holdings.map(({ unit }) => unit))
    const drained = pool.units.filter((unit) => unit.drain !== undefined && held.has(unit.id))
    for (const unit of drained) this.#violations.push(`${id} got GPU ${unit.id}, which is drained`)
    if (term.kind === 'booking') {
      const { from = 0 } = this.#promised.get(id) ?? {}
      if (now < from - TOLERANCE_MS) this.#violations.push(`${id} begins at ${now}, booked from ${from}`)
      return
    }
    const most = limitFor(pool.policy, 'max-gpus', { account: owner.account, groups: [] })?.value
    const own = pool.reservations.filter((each) => each.owner.account.uid === owner.account.uid)
    const sum = own.reduce((total, each) => total + each.holdings.length, 0)
    if (sum > (most ?? Number.POSITIVE_INFINITY))
      this.#violations.push(`${id} gives ${sum} GPUs, not ${most}`)
  }

  /** An accepted booking is booked or held until its end, unless somebody cancels it. */
  check(pool: Pool, clients: readonly Client[], now: Millis): void {
    for (const { id, until } of this.#kept(clients)) {
      if (now >= until - TOLERANCE_MS) continue
      const isThere = [...bookingsOf(pool), ...pool.reservations].some((each) => each.id === id)
      if (!isThere) this.#violations.push(`the booking ${id} is lost`)
    }
  }

  /** The daemon has run for half a minute without a fault. */
  checkBegun(pool: Pool, clients: readonly Client[], now: Millis): void {
    for (const { id, from, until } of this.#kept(clients)) {
      if (now < from + BEGINS_WITHIN_MS || now >= until - TOLERANCE_MS) continue
      if (!pool.reservations.some((held) => held.id === id)) this.#violations.push(`${id} does not begin`)
    }
    for (const { id } of bookingsOf(pool)) {
      const { until = now } = this.#promised.get(id) ?? {}
      if (now >= until + TOLERANCE_MS) this.#violations.push(`the booking ${id} stays after its end`)
    }
  }

  #kept(clients: readonly Client[]): readonly (Promised & { readonly id: string })[] {
    const cancelled = new Set(clients.map(({ command }) => (command.kind === 'cancel' ? command.id : '')))
    return clients.flatMap(({ id, command, outcome }) => {
      const promised = this.#promised.get(id)
      if (command.kind !== 'book' || outcome !== null || promised === undefined || cancelled.has(id))
        return []
      return [{ id, ...promised }]
    })
  }
}
