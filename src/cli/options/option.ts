/** One option of a command, as `--help` shows it and the parser reads it. */
export interface Option {
  /** As in the usage: `-g, --gpus <count>`, `--wait [duration]`, `--force`. */
  readonly flags: string
  /** With its dashes. */
  readonly long: string
  readonly short: string | undefined
  /** What the original of this program calls it. */
  readonly alias: string | undefined
  /** Whether it takes a value: always, as it likes, or never. */
  readonly value: 'required' | 'optional' | 'none'
  /** In the parsed options: `gpuIds` for `--gpu-ids`. */
  readonly name: string
  readonly describe: string
  readonly read: (text: string) => unknown
  readonly default?: unknown
  /** Whether the command cannot do without it. */
  readonly mandatory: boolean
  /** The names of the options with which it does not need this one after all. */
  readonly unless: readonly string[]
  /** The name of the option without which this one means nothing. */
  readonly needs: string | undefined
  /** Whether its configured default counts only where the answer goes to a terminal. */
  readonly onTerminal: boolean
  /** Whether its configured default does not count beside the options chosen so far, by their names. */
  readonly givesWay: (chosen: ReadonlySet<string>) => boolean
}

/** Reads the value; what it has where it is not given; whether it must be given. */
export interface OptionDetail {
  readonly read?: (text: string) => unknown
  readonly default?: unknown
  readonly mandatory?: boolean
  readonly unless?: readonly string[]
  readonly needs?: string
  readonly onTerminal?: boolean
  readonly givesWay?: (chosen: ReadonlySet<string>) => boolean
}

export function option(flags: string, describe: string, detail: OptionDetail = {}): Option {
  const [, short, alias, long = '', required, optional] =
    /^(?:(-\w), )?(?:(-\w), )?(--[\w-]+)(?: (<[^>]+>)| (\[[^\]]+\]))?$/.exec(flags) ?? []
  if (long === '') throw new Error(`not an option: ${flags}`)
  return {
    flags,
    long,
    short,
    alias,
    value: required !== undefined ? 'required' : optional !== undefined ? 'optional' : 'none',
    name: long.slice(2).replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase()),
    describe,
    read: detail.read ?? ((text) => text),
    mandatory: detail.mandatory ?? false,
    unless: detail.unless ?? [],
    needs: detail.needs,
    onTerminal: detail.onTerminal ?? false,
    givesWay: detail.givesWay ?? (() => false),
    ...('default' in detail ? { default: detail.default } : {}),
  }
}

/** For options that exclude each other: a configured one gives way to each of these. */
export const givesWayTo =
  (...names: readonly string[]) =>
  (chosen: ReadonlySet<string>): boolean =>
    names.some((name) => chosen.has(name))
