import type { Millis, Reservation } from '../pool/model.ts'

export const NEVER: Millis = Number.POSITIVE_INFINITY

/** The latest end of the reservation; NEVER if that is unknown. */
export function knownEnd({ term }: Pick<Reservation, 'term'>): Millis {
  switch (term.kind) {
    case 'run':
      return term.limit?.killAt ?? NEVER
    case 'manual':
      return term.expiresAt
    case 'booking':
    case 'maintenance':
      return term.until ?? NEVER
  }
}

/** The time from which a term holds its units; runs and manual reservations hold them from the grant on. */
export function startOf({ term }: Pick<Reservation, 'term'>): Millis {
  return term.kind === 'booking' || term.kind === 'maintenance' ? term.from : Number.NEGATIVE_INFINITY
}
