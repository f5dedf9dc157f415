import { JSON_OPTION } from './command-spec.ts'
import type { Option } from './options/option.ts'
import { parseWords } from './options/parse.ts'
import { settingOptions } from './options/settings.ts'
import { withoutOptions } from './options/without.ts'
import { programOptions } from './program.ts'

interface TypedWords<Word> {
  /** After the name of the command, without the options of some names. */
  readonly words: readonly Word[]
  /** After `--`; null without `--`. */
  readonly commandLine: readonly Word[] | null
}

/** The parts of a valid command line that another host performs. `exact` has the same words in another form; `own` are the options of the command. */
export function typedWords<Word>(
  args: readonly string[],
  exact: readonly Word[],
  { own, without }: { readonly own: readonly Option[]; readonly without: readonly string[] },
): TypedWords<Word> {
  const dashes = args.indexOf('--')
  const end = dashes < 0 ? args.length : dashes
  const typed = args.slice(0, end)
  const before = parseWords(typed, { options: programOptions, stopAtOperand: true })
  const start = end - before.operands.length + 1
  const options = [...own, JSON_OPTION, ...settingOptions()]
  const kept = withoutOptions(typed.slice(start), options, without)
  return {
    words: kept.flatMap((at) => exact.slice(start + at, start + at + 1)),
    commandLine: dashes < 0 ? null : exact.slice(dashes + 1),
  }
}
