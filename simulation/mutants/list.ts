import { ORDER_MUTANTS } from './order.ts'
import { RECORD_MUTANTS } from './records.ts'
import { SAFETY_MUTANTS } from './safety.ts'
import { TIME_MUTANTS } from './time.ts'

/** A defect to plant: pieces of a source file, each there exactly once, and what stands there instead. */
export interface Mutant {
  readonly name: string
  /** What goes wrong with it. */
  readonly defect: string
  readonly file: string
  readonly edits: readonly (readonly [is: string, becomes: string])[]
}

export const MUTANTS: readonly Mutant[] = [
  ...SAFETY_MUTANTS,
  ...ORDER_MUTANTS,
  ...RECORD_MUTANTS,
  ...TIME_MUTANTS,
]

export function mutantNamed(name: string): Mutant {
  const found = MUTANTS.find((mutant) => mutant.name === name)
  if (found === undefined) throw new Error(`there is no mutant '${name}'`)
  return found
}

/** The source with the defect in it. Throws where a piece is not there, or more than once. */
export function mutated(source: string, { name, file, edits }: Mutant): string {
  return edits.reduce((text, [is, becomes]) => {
    const pieces = text.split(is)
    if (pieces.length !== 2) throw new Error(`mutant ${name}: ${pieces.length - 1} times in ${file}: ${is}`)
    return pieces.join(becomes)
  }, source)
}
