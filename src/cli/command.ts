import type { CanhazgpuError } from '../domain/errors.ts'
import type { Look, Printed } from '../views/words/printed.ts'
import type { Option } from './options/option.ts'
import type { World } from './world.ts'

/** One command: its options, what it does, and how the value it returns is shown. */
export interface CommandSpec<Options, Result> {
  /** Lines shown after the options in `--help`. */
  readonly examples: readonly string[]
  /** Whether a command stands behind `--`; it must then. */
  readonly takesCommand?: boolean
  /** What stands after the options: how it reads in the usage line, and how many there must be. */
  readonly arguments?: { readonly usage: string; readonly count: number }
  readonly options: () => readonly Option[]
  readonly handle: (options: Options, world: World) => Promise<Result>
  readonly text: (result: Result, look: Look) => Printed
  readonly json: (result: Result) => unknown
  /** Shows the answer again and again until the command is interrupted, instead of once. */
  readonly follow?: (options: Options, world: World) => AsyncIterable<Result> | null
  /** Goes on after the answer has been shown, until it returns: a server that was started. */
  readonly stay?: (result: Result) => Promise<void>
  /** A failure to be told after the answer, and in spite of it. */
  readonly failure?: (result: Result) => CanhazgpuError | undefined
}
