import { driverFailed, notUnderstood } from '../driver-errors.ts'
import { areDistinct } from '../reading.ts'

/** The part of an amd-smi document about one GPU. */
export type Entry = Readonly<Record<string, unknown>>

const PROGRAM = 'amd-smi'

/**
 * A document usually starts a line, after warnings (for example about missing groups). The second pattern finds a
 * document that follows other text on its line. It is stricter, so that it does not match such text.
 */
const START = /^[ \t]*(?=\[\s*[[{\]]|\{\s*["}])|(?=\[\s*\{\s*"gpu"|\{\s*"gpu_data")/gm

/**
 * The entries of `amd-smi … --json`, one per GPU. ROCm 6 prints a bare array, ROCm 7 an object with `gpu_data`. If
 * there are several documents, those about CPUs are ignored and repeated entries count once. Throws `driver-failed`
 * for anything else.
 */
export function gpuEntries(output: string): Entry[] {
  const documents = documentsIn(output)
  const lists = documents.flatMap((document) => gpuList(document, output))
  if (lists.length === 0) {
    const error = documents.map((document) => at(document, 'error')).find((text) => typeof text === 'string')
    throw error === undefined ? notUnderstood(PROGRAM, output) : driverFailed(PROGRAM, String(error))
  }
  const byGpu = new Map<number, Entry>()
  for (const list of lists) {
    if (!areDistinct(list.map(gpuOf))) throw notUnderstood(PROGRAM, 'the same GPU twice')
    for (const entry of list) byGpu.set(gpuOf(entry), merged(byGpu.get(gpuOf(entry)), entry))
  }
  return [...byGpu.values()]
}

/** The value at this path; undefined if there is none. */
export function at(value: unknown, ...path: readonly string[]): unknown {
  let current = value
  for (const key of path) {
    if (typeof current !== 'object' || current === null || !Object.hasOwn(current, key)) return undefined
    current = (current as Entry)[key]
  }
  return current
}

/** amd-smi's own number of the GPU, as its option `--gpu` takes it. */
export function gpuOf(entry: Entry): number {
  return whole(entry.gpu) ?? -1
}

export function whole(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : undefined
}

/** If two answers differ, neither can be trusted. */
function merged(before: Entry | undefined, entry: Entry): Entry {
  for (const [key, value] of Object.entries(before ?? {})) {
    if (Object.hasOwn(entry, key) && JSON.stringify(entry[key]) !== JSON.stringify(value)) {
      throw notUnderstood(PROGRAM, `two answers for GPU ${gpuOf(entry)}`)
    }
  }
  return { ...before, ...entry }
}

function gpuList(document: unknown, output: string): Entry[][] {
  const list = Array.isArray(document) ? document : at(document, 'gpu_data')
  if (!Array.isArray(list)) return []
  if (list.every((entry) => whole(at(entry, 'gpu')) !== undefined)) return [list]
  if (list.every((entry) => at(entry, 'cpu') !== undefined || at(entry, 'core') !== undefined)) return []
  throw notUnderstood(PROGRAM, output)
}

function documentsIn(output: string): unknown[] {
  const documents: unknown[] = []
  for (let from = 0; ; ) {
    const start = startOfDocument(output, from)
    if (start === undefined) return documents
    const end = endOfDocument(output, start)
    documents.push(parse(output, output.slice(start, end)))
    from = end
  }
}

function startOfDocument(output: string, from: number): number | undefined {
  const next = from === 0 ? undefined : /\S/.exec(output.slice(from, from + 1_000))
  if (next?.[0] === '[' || next?.[0] === '{') return from + next.index
  START.lastIndex = from
  const found = START.exec(output)
  return found === null ? undefined : found.index + found[0].length
}

/** The position after the bracket that closes the one at `start`, or the end of the output if none does. */
function endOfDocument(output: string, start: number): number {
  let depth = 0
  let inString = false
  for (let i = start; i < output.length; i++) {
    const character = output[i]
    if (inString) {
      if (character === '\\') i++
      else if (character === '"') inString = false
    } else if (character === '"') inString = true
    else if (character === '[' || character === '{') depth++
    else if ((character === ']' || character === '}') && --depth === 0) return i + 1
  }
  return output.length
}

/** Python writes numbers that JSON does not allow. */
const NOT_JSON = /"(?:[^"\\]|\\.)*"|-?\b(?:NaN|Infinity)\b/g

function parse(output: string, document: string): unknown {
  try {
    return JSON.parse(document.replace(NOT_JSON, (part) => (part.startsWith('"') ? part : '"NaN"')))
  } catch {
    throw notUnderstood(PROGRAM, output)
  }
}
