import type { Pool, Reservation, RunTerm, TimeLimit } from './model.ts'

/**
 * The pool with every time limit of a run left to its supervisor. In a pool that its users can write, a limit may be
 * forged, and the command of the reservation may be a process of another account.
 */
export function withLimitsOfSupervisors(pool: Pool): Pool {
  return { ...pool, reservations: pool.reservations.map(withLimitOfSupervisor) }
}

function withLimitOfSupervisor(held: Reservation): Reservation {
  const { term } = held
  if (term.kind !== 'run' || term.limit === undefined) return held
  return { ...held, term: { ...term, limit: { ...term.limit, enforcedBy: 'supervisor' } } }
}

/** The time limit that the daemon granted, and must enforce. */
export const limitOfDaemon = ({ limit }: RunTerm): TimeLimit | undefined =>
  limit?.enforcedBy === 'supervisor' ? undefined : limit
