import type { Kind } from './kinds.ts'

/** One row of a command's option table. Parser, help, configuration and completion all read it. */
export interface Option extends OptionFlags<string>, OptionDetail {}

/** The properties that follow from the flags of an option. */
export interface OptionFlags<Flags extends string> {
  /** As printed in the help: `-g, --gpus <count>`, `--wait [duration]`, `--force`. */
  readonly flags: Flags
  /** Including its dashes. */
  readonly long: string
  readonly short: string | undefined
  /** A second one-letter flag, which the original program has. */
  readonly alias: string | undefined
  /** Whether it takes a value. */
  readonly takes: 'value' | 'optional value' | 'no value'
  /** The key in the parsed options: `gpuIds` for `--gpu-ids`. */
  readonly name: string
  readonly describe: string
}

export interface OptionDetail {
  /** The values that it accepts; any text if absent. */
  readonly kind?: Kind<unknown>
  readonly default?: unknown
  /** Whether the option is required: always, or unless one of these options is present. */
  readonly mandatory?: true | { readonly unless: readonly string[] }
  /** The options of which this one requires one, such as `--timeout`. */
  readonly needs?: readonly string[]
  /** The option cannot be configured: a user types it for one call. */
  readonly onlyTyped?: true
  /** Its configured default applies only if the output goes to a terminal. */
  readonly onTerminal?: true
  /** Whether the options chosen so far (by name) override its configured default. */
  readonly isOverridden?: (chosen: ReadonlySet<string>) => boolean
}

/** An option without a value is a switch; `OptionsOf` has its type in a handler. */
export function option<const Flags extends string>(flags: Flags, describe: string): OptionFlags<Flags>
export function option<const Flags extends string, const Detail extends OptionDetail, Value>(
  flags: Flags,
  describe: string,
  detail: Detail & { readonly kind?: Kind<Value>; readonly default?: NoInfer<Value> },
): OptionFlags<Flags> & Detail
export function option(flags: string, describe: string, detail: OptionDetail = {}): Option {
  // A regular expression would take a tenth of a millisecond of every command.
  const words = flags.split(' ')
  const takes = takesOf(words.at(-1) ?? '')
  const names = takes === 'no value' ? words : words.slice(0, -1)
  const long = names.at(-1) ?? ''
  return {
    ...detail,
    ...{ flags, long, takes, describe },
    short: names.length > 1 ? names[0]?.slice(0, 2) : undefined,
    alias: names.length > 2 ? names[1]?.slice(0, 2) : undefined,
    name: long.includes('-', 2) ? camelCase(long.slice(2)) : long.slice(2),
  }
}

function takesOf(lastWord: string): Option['takes'] {
  if (lastWord.startsWith('<')) return 'value'
  return lastWord.startsWith('[') ? 'optional value' : 'no value'
}

function camelCase(words: string): string {
  let name = words
  for (let at = name.indexOf('-'); at >= 0; at = name.indexOf('-', at)) {
    name = name.slice(0, at) + name.charAt(at + 1).toUpperCase() + name.slice(at + 2)
  }
  return name
}

/** Converts the text of a value. Throws `usage`. */
export const readValue = ({ kind, long }: Option, text: string): unknown =>
  kind === undefined ? text : kind.read(text, long)

/** For options that exclude each other: any of these options overrides a configured default. */
export const overriddenByAnyOf =
  (...names: readonly string[]) =>
  (chosen: ReadonlySet<string>): boolean =>
    names.some((name) => chosen.has(name))
