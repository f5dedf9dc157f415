import type { Kind } from './kinds.ts'

/** One row of a command's option table. Parser, help, configuration and completion all read it. */
export interface Option extends OptionFlags<string>, OptionDetail {}

/** What the flags of an option tell. */
export interface OptionFlags<Flags extends string> {
  /** As in the usage: `-g, --gpus <count>`, `--wait [duration]`, `--force`. */
  readonly flags: Flags
  /** With its dashes. */
  readonly long: string
  readonly short: string | undefined
  /** The letter that the original of this program uses. */
  readonly alias: string | undefined
  /** Whether it takes a value. */
  readonly takes: 'value' | 'optional value' | 'no value'
  /** In the parsed options: `gpuIds` for `--gpu-ids`. */
  readonly name: string
  readonly describe: string
}

export interface OptionDetail {
  /** Which values it takes; any text if absent. */
  readonly kind?: Kind<unknown>
  readonly default?: unknown
  /** Whether the command needs it: always, or unless it has one of these options. */
  readonly mandatory?: true | { readonly unless: readonly string[] }
  /** The name of the option without which this one means nothing. */
  readonly needs?: string
  /** Whether it can only be typed, not configured: its effect is meant for one time. */
  readonly onlyTyped?: true
  /** Whether its configured default counts only if the answer goes to a terminal. */
  readonly onTerminal?: true
  /** Whether its configured default does not count beside the options chosen so far, by their names. */
  readonly givesWay?: (chosen: ReadonlySet<string>) => boolean
}

/** Without a value the option is a switch; see `OptionsOf` for the type that it has in a handler. */
export function option<const Flags extends string>(flags: Flags, describe: string): OptionFlags<Flags>
export function option<const Flags extends string, const Detail extends OptionDetail, Value>(
  flags: Flags,
  describe: string,
  detail: Detail & { readonly kind?: Kind<Value>; readonly default?: NoInfer<Value> },
): OptionFlags<Flags> & Detail
export function option(flags: string, describe: string, detail: OptionDetail = {}): Option {
  const [, short, alias, long = '', required, optional] =
    /^(?:(-\w), )?(?:(-\w), )?(--[\w-]+)(?: (<[^>]+>)| (\[[^\]]+\]))?$/.exec(flags) ?? []
  if (long === '') throw new Error(`not an option: ${flags}`)
  return {
    ...detail,
    flags,
    long,
    short,
    alias,
    takes: required !== undefined ? 'value' : optional !== undefined ? 'optional value' : 'no value',
    name: long.includes('-', 2) ? camelCase(long.slice(2)) : long.slice(2),
    describe,
  }
}

function camelCase(words: string): string {
  let name = words
  for (let at = name.indexOf('-'); at >= 0; at = name.indexOf('-', at)) {
    name = name.slice(0, at) + name.charAt(at + 1).toUpperCase() + name.slice(at + 2)
  }
  return name
}

/** The value of this text. Throws `usage`. */
export const readValue = ({ kind, long }: Option, text: string): unknown =>
  kind === undefined ? text : kind.read(text, long)

/** For options that exclude each other: a configured one gives way to each of these. */
export const givesWayTo =
  (...names: readonly string[]) =>
  (chosen: ReadonlySet<string>): boolean =>
    names.some((name) => chosen.has(name))
