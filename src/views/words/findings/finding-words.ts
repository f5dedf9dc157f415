import type { Finding } from '../../../domain/diagnosis/finding.ts'
import { printable } from '../../../domain/text/text.ts'

export interface FindingWords {
  readonly what: string
  /** What to type, or whom to ask. */
  readonly remedy?: string
}

/** The words of each code. */
export type WordsByCode = {
  readonly [Code in Finding['code']]: (finding: Extract<Finding, { readonly code: Code }>) => FindingWords
}

/** For an error with its own next step. */
export const hinted = (what: string, hint: string | undefined): FindingWords =>
  hint === undefined ? { what } : { what, remedy: hint }

/** A word of a shell command. Another account may have named a file so that a plain word would start a command. */
export function shellWord(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${printable(text).replaceAll("'", "'\\''")}'`
}
