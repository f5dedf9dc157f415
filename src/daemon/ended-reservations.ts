import { bookingsOf } from '../domain/pool/bookings.ts'
import type { Pool } from '../domain/pool/model.ts'

/** Far more than end while one request waits for its turn. */
const MOST = 10_000

/**
 * The ids of reservations and bookings that ended since this daemon started; of very many, the last ones. A client that
 * repeats its request after a restart must not be granted GPUs for an id whose reservation has ended: the second
 * reservation would have no records of its own.
 */
export class EndedReservations {
  readonly #ids = new Set<string>()

  /** Must be called after each commit, before the next decision. */
  follow(before: Pool | null, after: Pool): void {
    const isSame = before?.reservations === after.reservations && before.bookings === after.bookings
    if (before === null || isSame) return
    const held = new Set(idsIn(after))
    for (const id of idsIn(before)) if (!held.has(id)) this.#ids.add(id)
    for (const id of this.#ids) {
      if (this.#ids.size <= MOST) break
      this.#ids.delete(id)
    }
  }

  has(id: string): boolean {
    return this.#ids.has(id)
  }
}

const idsIn = (pool: Pool): readonly string[] =>
  [...pool.reservations, ...bookingsOf(pool)].map(({ id }) => id)
