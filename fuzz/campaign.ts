import { Chance } from '../simulation/chance.ts'
import { LONGEST, mutated } from './mutate.ts'
import type { Parser } from './parser.ts'

/** Interval of long inputs: every Nth input is one. */
const LONG_EVERY = 64

/** The input with this number, which depends only on the seed and the number. */
export function inputAt(parser: Parser, seed: number, at: number): string {
  const chance = new Chance(Math.imul(seed, 0x9e3779b1) ^ at)
  return at % LONG_EVERY === LONG_EVERY - 1 ? chance.pick(longInputs(parser))() : mutated(parser, chance)
}

/** Words of the language repeated many times, alone or inside a valid input. Parsing them must not be slow. */
function longInputs(parser: Parser): readonly (() => string)[] {
  const pieces = [
    ...parser.words,
    ...(parser.nesting ?? []).map(([open]) => open),
    '\n',
    ' ',
    '1',
    'a',
    '"',
    '\\',
  ]
  const [seed = ''] = parser.seeds
  const middle = Math.floor(seed.length / 2)
  return pieces.flatMap((piece) => {
    const long = () => piece.repeat(Math.ceil((parser.longest ?? LONGEST) / piece.length))
    return [long, () => seed.slice(0, middle) + long() + seed.slice(middle), () => `${long()}\0`]
  })
}

/** Describes the condition that fails for the input. Null if all conditions hold. */
export async function flawOf(parser: Parser, input: string): Promise<string | null> {
  try {
    await parser.check(input)
    return null
  } catch (error) {
    if (!(error instanceof Error)) return String(error)
    const place = /\/(?:src|fuzz)\/[^\s)]+/.exec(error.stack?.slice(error.message.length) ?? '')?.[0]
    return `${error.name}: ${error.message.slice(0, 500)}${error.name === 'Unsound' ? '' : ` (${place})`}`
  }
}

/** A shorter input with the same flaw. */
export async function shrunk(parser: Parser, input: string, flaw: string): Promise<string> {
  const kind = kindOf(flaw)
  const fails = async (text: string) => kindOf((await flawOf(parser, text)) ?? '') === kind
  let best = input
  const end = performance.now() + SHRINKING_MS
  for (let size = Math.ceil(best.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let from = 0; from < best.length && performance.now() < end; ) {
      const shorter = best.slice(0, from) + best.slice(from + size)
      if (await fails(shorter)) best = shorter
      else from += size
    }
  }
  return best
}

const SHRINKING_MS = 20_000

/** The flaw without the parts that differ between runs. */
export const kindOf = (flaw: string): string => flaw.replace(/".*"|[\d.]+/gs, '').slice(0, 60)
