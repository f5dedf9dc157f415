import type { Parser } from './parser.ts'

/** An input that once revealed a flaw. A repeated piece is a pair: the text and its count. */
export interface StoredInput {
  readonly why: string
  readonly input: readonly (string | readonly [piece: string, times: number])[]
}

const fileOf = (parser: Parser) => Bun.file(new URL(`./corpus/${parser.name}.json`, import.meta.url))

/** All stored inputs of a parser. */
export async function storedInputs(parser: Parser): Promise<readonly StoredInput[]> {
  const file = fileOf(parser)
  return (await file.exists()) ? await file.json() : []
}

export const textOf = ({ input }: StoredInput): string =>
  input.map((piece) => (typeof piece === 'string' ? piece : piece[0].repeat(piece[1]))).join('')

/** Adds an input to the stored ones. */
export async function storeInput(parser: Parser, why: string, text: string): Promise<void> {
  const stored = [...(await storedInputs(parser)), { why, input: piecesOf(text) }]
  await Bun.write(fileOf(parser), `${JSON.stringify(stored, null, 2)}\n`)
}

/** Writes a piece that repeats more than fifty times only once. */
export function piecesOf(text: string): StoredInput['input'] {
  const pieces: (string | readonly [string, number])[] = []
  let from = 0
  for (const match of text.matchAll(/(.{1,40}?)\1{50,}/gs)) {
    if (match.index > from) pieces.push(text.slice(from, match.index))
    const [whole, piece = ''] = match
    pieces.push([piece, whole.length / piece.length])
    from = match.index + whole.length
  }
  if (from < text.length) pieces.push(text.slice(from))
  return pieces
}
