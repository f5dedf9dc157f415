import type { CanhazgpuError } from '../domain/errors.ts'
import type { Display, Printed } from '../views/words/printed.ts'
import type { Context } from './context.ts'
import type { Kind } from './options/kinds.ts'
import { type Option, option } from './options/option.ts'
import type { OptionsOf } from './options/typed.ts'

/** One command: its options, its handler, and the rendering of its result. */
export interface CommandSpec<Own extends readonly Option[], Result, Named extends Operand = never> {
  /** Examples at the end of `--help`. */
  readonly examples: readonly string[]
  /** Whether a wrong configuration must not stop the command: it reports the reason itself. */
  readonly examines?: true
  /** Whether the command requires another command after `--`; otherwise it accepts none. */
  readonly takesCommand?: true
  /** The required word after the options, or the words if it repeats. */
  readonly operand?: Named
  readonly options: Own
  readonly handle: (given: Given<Own, Named>, context: Context) => Promise<Result>
  readonly text: (result: Result, display: Display) => Printed
  readonly json: (result: Result) => unknown
  /** Yields results until the command is interrupted. Null: the command has one result, that of `handle`. */
  readonly follow?: (given: Given<Own, Named>, context: Context) => AsyncIterable<Result> | null
  /** For a server: resolves when the command must end. It is called after the result is shown. */
  readonly keepRunning?: (result: Result) => Promise<void>
  /** A failure that is printed after the result. */
  readonly failure?: (result: Result) => CanhazgpuError | undefined
}

export interface Operand {
  /** The key in the handler's input. */
  readonly name: string
  /** The name in the help and in errors, such as `DURATION`. */
  readonly placeholder: string
  readonly kind: Kind<unknown>
  /** The words that it accepts and their meanings, for the help. */
  readonly choices?: readonly (readonly [word: string, meaning: string])[]
  /** Any number of words, up to this one; the value is their list. */
  readonly atMost?: number
}

/** The handler's input: the values by the names of the options and of the operand. */
export type Given<Own extends readonly Option[], Named extends Operand = never> = OptionsOf<
  readonly [...Own, typeof JSON_OPTION]
> & { readonly [Each in Named as Each['name']]: OperandValue<Each> }

type OperandValue<Each extends Operand> =
  Each['kind'] extends Kind<infer Value>
    ? Each extends { readonly atMost: number }
      ? readonly Value[]
      : Value
    : never

export const JSON_OPTION = option('-j, --json', 'Print JSON')
