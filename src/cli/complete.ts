import type { Command, Option } from 'commander'
import { durationExamples } from '../domain/duration.ts'

/** What completion may need to know of the pool; empty where there is none. */
export interface Known {
  readonly gpuIds: () => Promise<readonly number[]>
}

/** What may stand in the place of the last of these words, one candidate each. */
export async function complete(
  program: Command,
  words: readonly string[],
  known: Known,
): Promise<readonly string[]> {
  const { before, current } = split(words)
  // Behind `--` stands somebody else's command.
  if (before.includes('--')) return []
  const named = before.find((word) => program.commands.some((each) => each.name() === word))
  const command = program.commands.find((each) => each.name() === named)
  const options = [...program.options, ...(command?.options ?? [])]
  const pending = options.find((option) => expectsValue(option, before.at(-1)))
  const candidates =
    pending !== undefined
      ? await valuesOf(pending, current, known)
      : current.startsWith('-')
        ? [...new Set(options.flatMap((option) => option.long ?? []))]
        : operandsOf(program, command)
  return candidates.filter((candidate) => candidate.startsWith(current))
}

/** What is being typed, and what stands before it; bash takes `--option=value` for three words. */
function split(words: readonly string[]): { before: readonly string[]; current: string } {
  const last = words.at(-1) ?? ''
  const before = words.slice(0, -1)
  if (last === '=') return { before, current: '' }
  return { before: before.at(-1) === '=' ? before.slice(0, -1) : before, current: last }
}

function expectsValue(option: Option, word: string | undefined): boolean {
  return word !== undefined && option.required && (word === option.long || word === option.short)
}

function operandsOf(program: Command, command: Command | undefined): readonly string[] {
  if (command === undefined) return program.commands.map((each) => each.name())
  switch (command.name()) {
    case 'completion':
      return ['bash', 'zsh', 'fish']
    case 'extend':
      return durationExamples
    case 'run':
      return ['--']
    default:
      return []
  }
}

async function valuesOf(option: Option, current: string, known: Known): Promise<readonly string[]> {
  switch (option.long) {
    case '--gpu-ids': {
      const earlier = current.slice(0, current.lastIndexOf(',') + 1)
      const named = earlier.split(',')
      const ids = await known.gpuIds()
      return ids.filter((id) => !named.includes(String(id))).map((id) => `${earlier}${id}`)
    }
    case '--gpus':
      return (await known.gpuIds()).map((id) => String(id + 1))
    case '--duration':
    case '--timeout':
    case '--grace':
      return durationExamples
    case '--provider':
      return ['nvml', 'nvidia-smi', 'amd-smi', 'fake']
    case '--allocation':
      return ['lru', 'mru-per-user']
    default:
      return []
  }
}
