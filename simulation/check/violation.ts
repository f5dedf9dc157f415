/**
 * A rule that can be broken: an invariant (I1 to I11), a limit of an account, a bound on waiting, the notice
 * board (`board`), commands on other hosts (`remote`), or no unexpected error (`crash`).
 */
export type Rule =
  | 'I1'
  | 'I2'
  | 'I3'
  | 'I4'
  | 'I5'
  | 'I6'
  | 'I7'
  | 'I8'
  | 'I9'
  | 'I10'
  | 'I11'
  | 'limit'
  | 'waiting'
  | 'board'
  | 'remote'
  | 'crash'

export class Violation extends Error {
  readonly rule: Rule

  constructor(rule: Rule, message: string) {
    super(`${rule}: ${message}`)
    this.name = 'Violation'
    this.rule = rule
  }
}
