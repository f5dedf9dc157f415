/** A parser under test: its inputs, and the conditions that must hold for every input. */
export interface Parser {
  readonly name: string
  /** Valid inputs, from which hostile ones are derived. `PART` separates several texts in one input. */
  readonly seeds: readonly string[]
  /** Words of its language. */
  readonly words: readonly string[]
  /** Whether its inputs are JSON, so that single values are damaged too. */
  readonly json?: boolean
  /** The opening and closing text of one level, for deep nesting. */
  readonly nesting?: readonly (readonly [open: string, close: string])[]
  /** The longest input in characters; a mebibyte by default. */
  readonly longest?: number
  /** Throws if a condition fails. */
  readonly check: (input: string) => void | Promise<void>
}

/** Separates the texts of an input that has several. */
export const PART = '\n%%\n'

export const parts = (input: string): readonly string[] => input.split(PART)

/** The kernel's MAX_ARG_STRLEN: the longest argument or variable. */
export const ARGUMENT_BYTES = 128 * 1024
