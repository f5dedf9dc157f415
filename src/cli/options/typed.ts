import type { Kind } from './kinds.ts'
import type { Option } from './option.ts'

/**
 * The type of the options that a handler receives. With a kind of numbers, `-g, --gpus <count>` is `gpus?: number`.
 * An option with a default is always present.
 */
export type OptionsOf<Table extends readonly Option[]> = {
  readonly [Row in Table[number] as Row extends AlwaysThere ? NameIn<Row['flags']> : never]: ValueOf<Row>
} & {
  readonly [Row in Table[number] as Row extends AlwaysThere ? never : NameIn<Row['flags']>]?: ValueOf<Row>
}

type AlwaysThere = { readonly default: unknown } | { readonly mandatory: true }

/** `gpuIds` for `-G, --gpu-ids <ids>`. */
type NameIn<Flags extends string> = Flags extends `${string}--${infer Long}`
  ? CamelCase<FirstWord<Long>>
  : never

type FirstWord<Text extends string> = Text extends `${infer Word} ${string}` ? Word : Text

type CamelCase<Text extends string> = Text extends `${infer Word}-${infer Rest}`
  ? `${Word}${Capitalize<CamelCase<Rest>>}`
  : Text

/** An omitted optional value is `true`; a switch may be `--name=false`. */
type ValueOf<Row extends Option> = Row['flags'] extends `${string}<${string}`
  ? KindOf<Row>
  : Row['flags'] extends `${string}[${string}`
    ? KindOf<Row> | true
    : boolean

type KindOf<Row extends Option> = Row extends { readonly kind: Kind<infer Value> } ? Value : string
