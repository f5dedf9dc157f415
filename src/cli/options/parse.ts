import { CanhazgpuError } from '../../domain/errors.ts'
import { type Option, readValue } from './option.ts'

export interface Parsed {
  /** The given options, by name; `true` for an option without a value, `false` for `--option=false`. */
  readonly options: Readonly<Record<string, unknown>>
  readonly operands: readonly string[]
}

export interface Grammar {
  /** Called for the first option. To make them takes longer than to parse a line without one. */
  readonly options: () => readonly Option[]
  /** Whether all words from the first operand on are operands. */
  readonly stopAtOperand?: boolean
  /** Whether a word that is not a valid optional value becomes the first operand. */
  readonly optionalValuesMayBeOperands?: boolean
  /** The command whose help page an error names. Absent: the program's help page. */
  readonly command?: string
}

/** Parses a command line strictly: an unknown option or a missing value is an error. Throws `usage`. */
export function parseWords(words: readonly string[], grammar: Grammar): Parsed {
  try {
    return parsed(words, grammar)
  } catch (error) {
    throw withHelpPage(error, grammar.command)
  }
}

function parsed(words: readonly string[], grammar: Grammar): Parsed {
  const options: Record<string, unknown> = {}
  const operands: string[] = []
  for (let at = 0; at < words.length; at++) {
    const word = words[at] ?? ''
    if (isOption(word)) {
      const { option, attached } = optionIn(word, grammar.options())
      const text = attached ?? valueAfter(option, words[at + 1], grammar)
      if (attached === undefined && text !== undefined) at++
      options[option.name] = valueFor(option, text)
    } else if (grammar.stopAtOperand === true) return { options, operands: words.slice(at) }
    else operands.push(word)
  }
  return { options, operands }
}

/** A lone dash often means a stream, so it is an operand. */
export const isOption = (word: string): boolean => word.startsWith('-') && word !== '-'

/** The option that a word names. `--gpus=2`, `-g2` and `-g=2` have its value attached. */
export function optionIn(
  word: string,
  known: readonly Option[],
): { option: Option; attached: string | undefined } {
  const equals = word.indexOf('=')
  const name = equals < 0 ? word : word.slice(0, equals)
  const whole = known.find((option) => [option.long, option.short, option.alias].includes(name))
  if (whole !== undefined) return { option: whole, attached: equals < 0 ? undefined : word.slice(equals + 1) }
  const short = known.find((option) => option.short === word.slice(0, 2) && option.takes !== 'no value')
  if (short !== undefined && !word.startsWith('--')) return { option: short, attached: word.slice(2) }
  const similar = nearest(
    name,
    known.map((option) => option.long),
  )
  throw wrong(`Unknown option '${name}'${similar === undefined ? '' : ` (Did you mean ${similar}?)`}`)
}

/** The next word, if it is the option's value. */
export function valueAfter(
  option: Option,
  next: string | undefined,
  { optionalValuesMayBeOperands }: Pick<Grammar, 'optionalValuesMayBeOperands'>,
): string | undefined {
  switch (option.takes) {
    case 'no value':
      return undefined
    case 'value':
      return next
    case 'optional value':
      if (next === undefined || isOption(next)) return undefined
      return optionalValuesMayBeOperands === true && !isValue(option, next) ? undefined : next
  }
}

function isValue(option: Option, text: string): boolean {
  try {
    readValue(option, text)
    return true
  } catch {
    return false
  }
}

function valueFor(option: Option, text: string | undefined): unknown {
  switch (option.takes) {
    case 'no value':
      if (text === undefined || text === 'true') return true
      if (text === 'false') return false
      throw wrong(`Option '${option.flags}' takes no value`)
    case 'value':
      if (text === undefined) throw wrong(`Option '${option.flags}' argument missing`)
      return readValue(option, text)
    case 'optional value':
      return text === undefined ? true : readValue(option, text)
  }
}

/** Throws `usage` if a required option is missing. */
export function checkMandatory(
  options: Parsed['options'],
  { options: known, command }: { readonly options: readonly Option[]; readonly command: string },
): void {
  const isGiven = (name: string): boolean => options[name] !== undefined
  const isNeeded = ({ mandatory }: Option): boolean =>
    mandatory === true || (mandatory !== undefined && !mandatory.unless.some(isGiven))
  const missing = known.find((option) => isNeeded(option) && !isGiven(option.name))
  if (missing !== undefined) {
    throw withHelpPage(wrong(`Required option '${missing.flags}' not specified`), command)
  }
}

/** The candidate with the fewest edits: at most two, at most one for a word of four letters, none for a shorter word. */
export function nearest(word: string, candidates: readonly string[]): string | undefined {
  const [best] = candidates
    .filter((candidate) => Math.abs(candidate.length - word.length) <= 2)
    .map((candidate) => ({ candidate, distance: distance(word, candidate) }))
    .filter((each) => each.distance <= 2 && each.distance < word.length - 2)
    .sort((a, b) => a.distance - b.distance)
  return best?.candidate
}

/** The number of edits: insertions, deletions, replacements, swaps of neighbours (optimal string alignment). */
function distance(a: string, b: string): number {
  const rows: number[][] = [Array.from({ length: b.length + 1 }, (_, j) => j)]
  const at = (i: number, j: number): number => rows[i]?.[j] ?? Number.POSITIVE_INFINITY
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    rows.push(row)
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1
      const swapped =
        a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1] ? at(i - 2, j - 2) + 1 : Number.POSITIVE_INFINITY
      row.push(Math.min(at(i - 1, j) + 1, at(i, j - 1) + 1, at(i - 1, j - 1) + same, swapped))
    }
  }
  return at(a.length, b.length)
}

const wrong = (message: string): CanhazgpuError => new CanhazgpuError('usage', message)

/** Adds a hint that names the help page, unless the error has a hint. */
function withHelpPage(error: unknown, command: string | undefined): unknown {
  if (!(error instanceof CanhazgpuError) || error.hint !== undefined) return error
  return new CanhazgpuError(error.code, error.message, { hint: seeHelp(command), cause: error.cause })
}

export const seeHelp = (command?: string): string =>
  `see 'canhazgpu ${command === undefined ? '' : `${command} `}--help'`
