import { ALLOCATIONS, PROVIDER_CHOICES, type UnitId } from '../../domain/pool/model.ts'
import { durationExamples } from '../../domain/text/duration.ts'
import { printable } from '../../domain/text/text.ts'
import type { Edge } from '../edge.ts'
import { programOptions } from '../program.ts'
import { COMMANDS, type CommandEntry } from '../registry.ts'
import type { Option } from './option.ts'

/** What completion may need to know of the pool; empty where there is none. */
interface Known {
  readonly gpuIds: () => Promise<readonly UnitId[]>
}

/** Prints what may stand in the place of the last of these words of a command line. */
export async function printCompletions(words: readonly string[], edge: Edge): Promise<void> {
  const gpuIds = async () => {
    const world = await edge.world({ flags: {}, operands: [], commandLine: null, json: false, waits: false })
    const { store } = await world.deps()
    return (await store.read()).pool.units.map(({ id }) => id)
  }
  const candidates = await complete(words, { gpuIds: () => gpuIds().catch(() => []) })
  const shown = candidates.filter((candidate) => printable(candidate) === candidate)
  edge.stdout(shown.map((candidate) => `${candidate}\n`).join(''))
}

/** What may stand in the place of the last of these words, one candidate each. */
async function complete(words: readonly string[], known: Known): Promise<readonly string[]> {
  const { before, current, prefix } = split(words)
  // Behind `--` stands somebody else's command.
  if (before.includes('--')) return []
  const named = before.find((word) => COMMANDS.some((each) => each.name === word))
  const command = COMMANDS.find((each) => each.name === named)
  const options = command === undefined ? programOptions() : (await command.load()).options
  const pending = options.find((option) => expectsValue(option, before.at(-1)))
  const candidates =
    pending !== undefined
      ? await valuesOf(pending, current, known)
      : current.startsWith('-')
        ? options.map((option) => option.long)
        : operandsOf(command)
  return candidates
    .filter((candidate) => candidate.startsWith(current))
    .map((candidate) => prefix + candidate)
}

interface Typed {
  readonly before: readonly string[]
  readonly current: string
  /** What of the same word stands before it. */
  readonly prefix: string
}

/** What is being typed, and what stands before it; bash takes `--option=value` for three words. */
function split(words: readonly string[]): Typed {
  const last = words.at(-1) ?? ''
  const before = words.slice(0, -1)
  const [, option, value = ''] = /^(--[\w-]+)=(.*)$/.exec(last) ?? []
  if (option !== undefined) return { before: [...before, option], current: value, prefix: `${option}=` }
  if (last === '=') return { before, current: '', prefix: '' }
  return { before: before.at(-1) === '=' ? before.slice(0, -1) : before, current: last, prefix: '' }
}

function expectsValue(option: Option, word: string | undefined): boolean {
  return word !== undefined && option.value === 'required' && (word === option.long || word === option.short)
}

function operandsOf(command: CommandEntry | undefined): readonly string[] {
  if (command === undefined) return [...COMMANDS.map((each) => each.name), 'help']
  switch (command.name) {
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
      return ids.filter((id) => !named.includes(id)).map((id) => `${earlier}${id}`)
    }
    case '--gpus':
      return (await known.gpuIds()).map((_, before) => String(before + 1))
    case '--duration':
    case '--timeout':
    case '--grace':
      return durationExamples
    case '--provider':
      return PROVIDER_CHOICES
    case '--allocation':
      return ALLOCATIONS
    default:
      return []
  }
}
