import type { Floor } from './floor.ts'

/** The tools and limits of a row. */
export interface Bench {
  /** The executable under test. */
  readonly canhazgpu: string
  readonly floor: Floor
  /** Scales the number of samples: 1 is the usual effort. */
  readonly effort: number
  /** An empty folder for this row only, removed afterwards. */
  readonly folder: string
}

/** One line of the result. Times are milliseconds. */
export interface Row {
  readonly name: string
  readonly what: string
  /** A program that must be installed for it. */
  readonly needs?: string
  measure(bench: Bench): Promise<Figure>
}

/**
 * The result of a row. The reference is measured in the same minute: times on different machines, or under different
 * load, cannot be compared.
 */
export interface Figure {
  readonly value: string
  readonly comparedWith: string
  /** The value that the budget limits; smaller is better. */
  readonly ratio: number
  readonly budget: number
  /** The facts that are wrong, whatever the time; empty if all are right. */
  readonly broken: readonly string[]
  readonly details?: Readonly<Record<string, unknown>>
}
