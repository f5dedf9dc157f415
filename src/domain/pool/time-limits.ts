import type { Pool, Reservation } from './model.ts'

/**
 * The pool with no time limit of a run. In a pool that its users can write, a limit may be forged, and the command of the
 * reservation may be a process of another account.
 */
export function withoutTimeLimits(pool: Pool): Pool {
  return { ...pool, reservations: pool.reservations.map(withoutTimeLimit) }
}

function withoutTimeLimit(held: Reservation): Reservation {
  if (held.term.kind !== 'run') return held
  const { limit: _, ...term } = held.term
  return { ...held, term }
}
