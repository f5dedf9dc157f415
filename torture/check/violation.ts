/**
 * - `holders`: a GPU had two holders.
 * - `gone`: a reservation remained after its end, or disappeared before it.
 * - `queue`: a command overtook another one.
 * - `records`: the history or a report is wrong.
 * - `ends`: a command ended with a wrong status, or not at all.
 * - `clock`: the wall clock was set during the round, so the times in the store cannot be compared.
 */
export type Rule = 'holders' | 'gone' | 'queue' | 'records' | 'ends' | 'clock'

export interface Violation {
  readonly rule: Rule
  readonly message: string
}

export const by =
  (rule: Rule) =>
  (message: string): Violation => ({ rule, message })
