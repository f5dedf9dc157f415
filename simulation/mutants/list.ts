import type { World } from '../campaign.ts'
import { BOARD_MUTANTS } from './board.ts'
import { BOOKING_MUTANTS } from './bookings.ts'
import { LIMIT_MUTANTS } from './limits.ts'
import { ORDER_MUTANTS } from './order.ts'
import { RECORD_MUTANTS } from './records.ts'
import { REMOTE_MUTANTS } from './remote.ts'
import { SAFETY_MUTANTS } from './safety.ts'
import type { Plant } from './seams.ts'
import { TIME_MUTANTS } from './time.ts'
import { WAITING_MUTANTS } from './waiting.ts'

/** The program with one defect planted in it. */
export interface Mutant {
  readonly name: string
  /** What is wrong in this program. */
  readonly defect: string
  /** The replacements of functions and classes. */
  readonly plants: readonly Plant[]
  /** Which world reveals it; absent: machines that share nothing. */
  readonly world?: World
  /** Finding it takes more than 150,000 steps on average: too long for every run of the tests. */
  readonly isRare?: boolean
}

export const MUTANTS: readonly Mutant[] = [
  ...SAFETY_MUTANTS,
  ...ORDER_MUTANTS,
  ...LIMIT_MUTANTS,
  ...BOOKING_MUTANTS,
  ...WAITING_MUTANTS,
  ...RECORD_MUTANTS,
  ...TIME_MUTANTS,
  ...BOARD_MUTANTS,
  ...REMOTE_MUTANTS,
]

export function mutantNamed(name: string): Mutant {
  const found = MUTANTS.find((mutant) => mutant.name === name)
  if (found === undefined) throw new Error(`there is no mutant '${name}'`)
  return found
}
