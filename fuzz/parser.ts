/** A parser under fire: what it reads, and what must hold whatever it is given. */
export interface Parser {
  readonly name: string
  /** True inputs, from which hostile ones are made. Several texts in one are parted by `PART`. */
  readonly seeds: readonly string[]
  /** Words of its language. */
  readonly words: readonly string[]
  /** Whether its inputs are JSON, so that they are also damaged value by value. */
  readonly json?: boolean
  /** What opens and closes a level, to be nested deeply. */
  readonly nesting?: readonly (readonly [open: string, close: string])[]
  /** How many characters an input may have at most, where not a mebibyte. */
  readonly longest?: number
  /** Throws where something does not hold. */
  readonly check: (input: string) => void | Promise<void>
}

/** Stands between the texts of an input that has several. */
export const PART = '\n%%\n'

export const parts = (input: string): readonly string[] => input.split(PART)

/** The kernel's MAX_ARG_STRLEN: what one argument or variable can have. */
export const ARGUMENT_BYTES = 128 * 1024
