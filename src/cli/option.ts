/** One option of a command, as `--help` shows it and the parser reads it. */
export interface Option {
  /** As in the usage: `-g, --gpus <count>`, `--wait [duration]`, `--force`. */
  readonly flags: string
  /** With its dashes. */
  readonly long: string
  readonly short: string | undefined
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
}

/** Reads the value; what it has where it is not given; whether it must be given. */
export interface OptionDetail {
  readonly read?: (text: string) => unknown
  readonly default?: unknown
  readonly mandatory?: boolean
  readonly unless?: readonly string[]
}

export function option(flags: string, describe: string, detail: OptionDetail = {}): Option {
  const [, short, long = '', required, optional] =
    /^(?:(-\w), )?(--[\w-]+)(?: (<[^>]+>)| (\[[^\]]+\]))?$/.exec(flags) ?? []
  if (long === '') throw new Error(`not an option: ${flags}`)
  return {
    flags,
    long,
    short,
    value: required !== undefined ? 'required' : optional !== undefined ? 'optional' : 'none',
    name: long.slice(2).replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase()),
    describe,
    read: detail.read ?? ((text) => text),
    mandatory: detail.mandatory ?? false,
    unless: detail.unless ?? [],
    ...('default' in detail ? { default: detail.default } : {}),
  }
}
