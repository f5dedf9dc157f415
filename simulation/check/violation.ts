/** The broken rule: one of the invariants I1 to I10, a bound on waiting, or the code itself (`crash`). */
export type Broken =
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
  | 'waiting'
  | 'crash'

export class Violation extends Error {
  readonly broken: Broken

  constructor(broken: Broken, message: string) {
    super(`${broken}: ${message}`)
    this.name = 'Violation'
    this.broken = broken
  }
}
