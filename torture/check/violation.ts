/**
 * - `holders`: a GPU had two holders.
 * - `gone`: a reservation remained after its end, or disappeared before it.
 * - `queue`: a command overtook another one.
 * - `records`: the history or a report is wrong.
 * - `bookings`: a booking was not kept, or not released.
 * - `limits`: an account got more than a rule allows.
 * - `drains`: a GPU was granted while it was out of service.
 * - `ends`: a command ended with a wrong status, or not at all.
 * - `clock`: the wall clock was set during the round, so the times in the store cannot be compared.
 */
export type Rule =
  | 'holders'
  | 'gone'
  | 'queue'
  | 'records'
  | 'bookings'
  | 'limits'
  | 'drains'
  | 'ends'
  | 'clock'

export interface Violation {
  readonly rule: Rule
  readonly message: string
}

export const by =
  (rule: Rule) =>
  (message: string): Violation => ({ rule, message })
