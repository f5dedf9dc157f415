import type { Chance } from '../simulation/chance.ts'
import { HOSTILE_NUMBERS, HOSTILE_TEXTS } from './hostile.ts'
import { damagedJson } from './mutate-json.ts'
import type { Parser } from './parser.ts'

/** Longer inputs find no more flaws. */
export const LONGEST = 1 << 20
const DEEPEST = 100_000

type Mutation = (text: string, chance: Chance, parser: Parser) => string

/** A hostile input: a damaged valid one, or words of the language in any order. */
export function mutated(parser: Parser, chance: Chance): string {
  if (chance.is(0.05)) return randomWords(parser, chance)
  let text = chance.pick(parser.seeds)
  if (chance.is(0.02)) return text
  if (parser.json === true && chance.is(0.6)) text = damagedJson(text, chance)
  for (let times = chance.below(5); times >= 0; times--) text = mutation(chance)(text, chance, parser)
  return text.slice(0, parser.longest ?? LONGEST)
}

function mutation(chance: Chance): Mutation {
  return chance.pick(chance.is(0.005) ? EXCESSIVE : USUAL)
}

const USUAL: readonly Mutation[] = [
  flipBits,
  truncate,
  remove,
  repeatPiece,
  splice,
  otherNumber,
  otherNumber,
  insertWord,
  insertWord,
  replaceByWord,
  insertHostile,
  insertHostile,
  duplicateLine,
  swapLines,
  dropLine,
  swapPieces,
  otherLineEnds,
]

const EXCESSIVE: readonly Mutation[] = [inflate, nest]

function randomWords({ words }: Parser, chance: Chance): string {
  const word = () => chance.pick(chance.is(0.8) ? words : HOSTILE_TEXTS)
  return Array.from({ length: chance.between(0, 12) }, word).join(chance.pick(['', '', ' ', '\n', ',']))
}

function cut(text: string, chance: Chance): readonly [number, number] {
  const from = chance.below(text.length + 1)
  return [from, Math.min(text.length, from + chance.spread(1, 64))]
}

const spliced = (text: string, [from, to]: readonly [number, number], by: string): string =>
  text.slice(0, from) + by + text.slice(to)

function anyPlace(text: string, chance: Chance): readonly [number, number] {
  const place = chance.below(text.length + 1)
  return [place, place]
}

/** The bytes may be invalid UTF-8 afterwards. They are decoded as Bun decodes a file. */
function flipBits(text: string, chance: Chance): string {
  const bytes = Buffer.from(text)
  if (bytes.length === 0) return text
  for (let times = chance.spread(1, 8); times > 0; times--) {
    const place = chance.below(bytes.length)
    bytes[place] = (bytes[place] ?? 0) ^ (1 << chance.below(8))
  }
  return bytes.toString('utf8')
}

function truncate(text: string, chance: Chance): string {
  const place = chance.below(text.length + 1)
  return chance.is(0.8) ? text.slice(0, place) : text.slice(place)
}

function remove(text: string, chance: Chance): string {
  return spliced(text, cut(text, chance), '')
}

function repeatPiece(text: string, chance: Chance): string {
  const [from, to] = cut(text, chance)
  return spliced(text, [from, to], text.slice(from, to).repeat(chance.spread(2, 50)))
}

function splice(text: string, chance: Chance, { seeds }: Parser): string {
  const other = chance.pick(seeds)
  const [from, to] = cut(other, chance)
  const piece = chance.is(0.5) ? other.slice(from) : other.slice(from, to)
  return spliced(text, cut(text, chance), piece)
}

function otherNumber(text: string, chance: Chance): string {
  const numbers = [...text.matchAll(/-?\d+(?:\.\d+)?/g)].slice(0, 1000)
  if (numbers.length === 0) return text
  const number = chance.pick(numbers)
  return spliced(text, [number.index, number.index + number[0].length], chance.pick(HOSTILE_NUMBERS))
}

function insertWord(text: string, chance: Chance, { words }: Parser): string {
  return spliced(text, anyPlace(text, chance), chance.pick(words))
}

function replaceByWord(text: string, chance: Chance, { words }: Parser): string {
  return spliced(text, cut(text, chance), chance.pick(words))
}

function insertHostile(text: string, chance: Chance): string {
  return spliced(text, anyPlace(text, chance), chance.pick(HOSTILE_TEXTS))
}

function duplicateLine(text: string, chance: Chance): string {
  const lines = text.split('\n')
  lines.splice(chance.below(lines.length + 1), 0, chance.pick(lines))
  return lines.join('\n')
}

function swapLines(text: string, chance: Chance): string {
  const lines = text.split('\n')
  const [one, other] = [chance.below(lines.length), chance.below(lines.length)]
  const kept = lines[one] ?? ''
  lines[one] = lines[other] ?? ''
  lines[other] = kept
  return lines.join('\n')
}

function dropLine(text: string, chance: Chance): string {
  const lines = text.split('\n')
  lines.splice(chance.below(lines.length), 1)
  return lines.join('\n')
}

function swapPieces(text: string, chance: Chance): string {
  const [from, to] = cut(text, chance)
  const rest = spliced(text, [from, to], '')
  return spliced(rest, anyPlace(rest, chance), text.slice(from, to))
}

function otherLineEnds(text: string, chance: Chance): string {
  return chance.is(0.5) ? text.replaceAll('\n', chance.pick(['\r\n', '\r', '\u2028', '\0'])) : `\ufeff${text}`
}

/** A piece repeated many times, up to a mebibyte. */
function inflate(text: string, chance: Chance, { words, longest = LONGEST }: Parser): string {
  const [from, to] = cut(text, chance)
  const piece = (chance.is(0.5) ? text.slice(from, to) : chance.pick(words)) || ' '
  const times = Math.ceil(chance.spread(1 << 12, longest) / piece.length)
  return spliced(text, anyPlace(text, chance), piece.repeat(times))
}

function nest(text: string, chance: Chance, { nesting = [['[', ']']], longest = LONGEST }: Parser): string {
  const [open, close] = chance.pick(nesting)
  const depth = chance.spread(100, Math.min(DEEPEST, longest / (open.length + close.length)))
  return spliced(
    text,
    anyPlace(text, chance),
    open.repeat(depth) + (chance.is(0.5) ? close.repeat(depth) : ''),
  )
}
