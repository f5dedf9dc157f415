import { expect, expectTypeOf, test } from 'bun:test'
import { command } from '../../../src/cli/command.ts'
import { duration, gpuIds, oneOf, wholeNumber } from '../../../src/cli/options/kinds.ts'
import { option } from '../../../src/cli/options/option.ts'
import { parseWords } from '../../../src/cli/options/parse.ts'
import type { OptionsOf } from '../../../src/cli/options/typed.ts'
import { COMMANDS } from '../../../src/cli/registry.ts'
import type { Millis, UnitId } from '../../../src/domain/pool/model.ts'

/*
 * `expectTypeOf` and `@ts-expect-error` do nothing at run time; `npm run check` fails if a type is wrong.
 */

const TABLE = [
  option('-g, --gpus <count>', '', { kind: wholeNumber(1, 8) }),
  option('-G, --gpu-ids <ids>', '', { kind: gpuIds, onlyTyped: true }),
  option('-w, --wait [duration]', '', { kind: duration }),
  option('-n, -m, --three-word-name <text>', ''),
  option('--color <choice>', '', { kind: oneOf(['always', 'never']) }),
  option('--days <num>', '', { kind: wholeNumber(1, 9), default: 3 }),
  option('--host <host>', '', { default: 'localhost' }),
  option('--port <port>', '', { kind: wholeNumber(0, 9), mandatory: true }),
  option('--until <time>', '', { kind: duration, mandatory: { unless: ['gpus'] } }),
  option('--force', ''),
]

type Typed = OptionsOf<typeof TABLE>

interface Expected {
  readonly gpus?: number
  readonly gpuIds?: readonly UnitId[]
  readonly wait?: Millis | true
  readonly threeWordName?: string
  readonly color?: 'always' | 'never'
  readonly days: number
  readonly host: string
  readonly port: number
  readonly until?: Millis
  readonly force?: boolean
}

test('the option table determines the names, types and presence of options', () => {
  expectTypeOf<{ [Name in keyof Typed]: Typed[Name] }>().toEqualTypeOf<Expected>()
})

test('parsed values have the expected names and types', () => {
  const words =
    '-g 2 --gpu-ids 1,3 --wait -n text --color never --days 4 --host h --port 0 --until 1m --force'
  const all: Required<Expected> = {
    gpus: 2,
    gpuIds: ['1', '3'],
    wait: true,
    threeWordName: 'text',
    color: 'never',
    days: 4,
    host: 'h',
    port: 0,
    until: 60_000,
    force: true,
  }
  const { options } = parseWords(words.split(' '), { options: () => TABLE })
  expect(options).toEqual({ ...all })
  expect(parseWords(['--wait=1s', '--force=false'], { options: () => TABLE }).options).toEqual({
    wait: 1_000,
    force: false,
  })
})

test('a handler receives its options, its operand and --json', () => {
  command({
    examples: [],
    operand: { name: 'by', placeholder: 'DURATION', kind: duration },
    options: TABLE,
    handle: async (given) => {
      expectTypeOf(given.days).toEqualTypeOf<number>()
      expectTypeOf(given.gpuIds).toEqualTypeOf<readonly UnitId[] | undefined>()
      expectTypeOf(given.by).toEqualTypeOf<Millis>()
      expectTypeOf(given.json).toEqualTypeOf<boolean | undefined>()
      // @ts-expect-error: no such option
      given.hours
      return { days: given.days }
    },
    text: (result) => {
      expectTypeOf(result).toEqualTypeOf<{ days: number }>()
      return {}
    },
    json: (result) => result.days,
  })
})

test('a default has the type of its kind', () => {
  // @ts-expect-error: not a number
  option('--days <num>', '', { kind: wholeNumber(1, 9), default: 'three' })
  // @ts-expect-error: no such detail
  option('--days <num>', '', { read: Number })
})

test('options name only options of their own command', async () => {
  for (const { load } of COMMANDS) {
    const { own } = await load()
    const names = own.map(({ name }) => name)
    const flags = own.map(({ long }) => long)
    for (const { needs = [], mandatory } of own) {
      for (const flag of needs) expect(flags).toContain(flag)
      for (const name of typeof mandatory === 'object' ? mandatory.unless : []) expect(names).toContain(name)
    }
  }
})
