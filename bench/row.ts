import type { Floor } from './floor.ts'

/** What a row may use. */
export interface Bench {
  /** The executable under test. */
  readonly canhazgpu: string
  readonly floor: Floor
  /** For scaling the number of samples: 1 is the usual effort. */
  readonly effort: number
  /** An empty folder of this row's own, removed afterwards. */
  readonly folder: string
}

/** One line of the result. Times are milliseconds. */
export interface Row {
  readonly name: string
  readonly what: string
  measure(bench: Bench): Promise<Figure>
}

/** A figure is worth something only beside what it is compared with, taken in the same minute. */
export interface Figure {
  readonly value: string
  readonly comparedWith: string
  /** What the budget speaks of; smaller is better. */
  readonly ratio: number
  readonly budget: number
  /** Facts beside the time that must hold as well; empty where all do. */
  readonly broken: readonly string[]
  readonly details?: Readonly<Record<string, unknown>>
}
