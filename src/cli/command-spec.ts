import type { CanhazgpuError } from '../domain/errors.ts'
import type { Look, Printed } from '../views/words/printed.ts'
import type { Context } from './context.ts'
import type { Kind } from './options/kinds.ts'
import { type Option, option } from './options/option.ts'
import type { OptionsOf } from './options/typed.ts'

/** One command: its options, what it does, and how its result is shown. */
export interface CommandSpec<Own extends readonly Option[], Result, Named extends Operand = never> {
  /** Lines shown after the options in `--help`. */
  readonly examples: readonly string[]
  /** Whether it needs a command after `--`; without this it accepts none. */
  readonly takesCommand?: true
  /** The one word that it needs after the options. */
  readonly operand?: Named
  readonly options: Own
  readonly handle: (given: Given<Own, Named>, context: Context) => Promise<Result>
  readonly text: (result: Result, look: Look) => Printed
  readonly json: (result: Result) => unknown
  /** Shows results again and again until the command is interrupted; null: only one. */
  readonly follow?: (given: Given<Own, Named>, context: Context) => AsyncIterable<Result> | null
  /** Goes on after the result has been shown, until it returns: a server. */
  readonly stay?: (result: Result) => Promise<void>
  /** A failure to report in addition to the result. */
  readonly failure?: (result: Result) => CanhazgpuError | undefined
}

export interface Operand {
  /** Its name in what the handler receives. */
  readonly name: string
  /** As the usage line shows it. */
  readonly usage: string
  readonly kind: Kind<unknown>
}

/** What a handler receives: values by the names of the options and of the operand. */
export type Given<Own extends readonly Option[], Named extends Operand = never> = OptionsOf<
  readonly [...Own, typeof JSON_OPTION]
> & { readonly [Each in Named as Each['name']]: Each['kind'] extends Kind<infer Value> ? Value : never }

export const JSON_OPTION = option('-j, --json', 'Print JSON')
