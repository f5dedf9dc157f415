import { bookingsOf } from '../../domain/pool/bookings.ts'
import type { Account, Pool, Unit } from '../../domain/pool/model.ts'
import { isAdministrator, owns } from '../../domain/pool/rights.ts'
import { typeIn } from '../../domain/pool/suitable.ts'
import { printable } from '../../domain/text/text.ts'
import type { LoadedCommand } from '../command.ts'
import type { Program } from '../context.ts'
import { programOptions } from '../program.ts'
import { COMMANDS } from '../registry.ts'
import type { FactsToComplete } from './kinds.ts'
import type { Option } from './option.ts'

/** Prints the completion candidates for the last of these words. */
export async function printCompletions(words: readonly string[], program: Program): Promise<void> {
  const opened = () =>
    program.open({ flags: {}, commandLine: null, json: false, waits: false, examines: false })
  const stored = async () => {
    const context = await opened()
    const { pool } = await (await context.pool()).view('stored')
    return { pool, account: await context.account() }
  }
  const units = () =>
    stored().then(
      ({ pool }) => pool.units,
      (): readonly Unit[] => [],
    )
  const bookings = () =>
    stored().then(
      ({ pool, account }) => ownBookings(pool, account),
      (): readonly string[] => [],
    )
  const candidates = await complete(words, {
    gpuIds: async () => (await units()).map(({ id }) => id),
    bookings,
    gpuTypes: async () => [...new Set((await units()).map(({ device }) => typeIn(device.name)))],
    remoteHosts: () =>
      opened().then(
        ({ settings }) => settings.remoteHosts.map(({ name }) => name),
        (): readonly string[] => [],
      ),
    shownHosts: () =>
      opened()
        .then(({ hosts }) => hosts())
        .then(
          ({ names }) => names,
          (): readonly string[] => [],
        ),
  })
  const shown = candidates.filter((candidate) => printable(candidate) === candidate)
  program.stdout.write(shown.map((candidate) => `${candidate}\n`).join(''))
}

const ownBookings = (pool: Pool, account: Account): readonly string[] =>
  bookingsOf(pool)
    .filter(({ owner }) => isAdministrator(account) || owns(account, owner.account))
    .map(({ id }) => id)

async function complete(words: readonly string[], facts: FactsToComplete): Promise<readonly string[]> {
  const { before, current, prefix } = split(words)
  // The words after `--` are the command line of another program.
  if (before.includes('--')) return []
  const named = before.find((word) => COMMANDS.some((each) => each.name === word))
  const command = await COMMANDS.find((each) => each.name === named)?.load()
  const options = command?.options ?? programOptions()
  const pending = options.find((option) => expectsValue(option, before.at(-1)))
  const candidates =
    pending !== undefined
      ? await (pending.kind?.candidates?.(current, facts) ?? [])
      : current.startsWith('-')
        ? options.map((option) => option.long)
        : await operands(command, current, facts)
  return candidates
    .filter((candidate) => candidate.startsWith(current))
    .map((candidate) => prefix + candidate)
}

interface Typed {
  readonly before: readonly string[]
  readonly current: string
  /** The part of the last word before `current`, such as `--gpu-ids=`. */
  readonly prefix: string
}

/** Finds the text that is being typed. bash splits `--option=value` into three words. */
function split(words: readonly string[]): Typed {
  const last = words.at(-1) ?? ''
  const before = words.slice(0, -1)
  const [, option, value = ''] = /^(--[\w-]+)=(.*)$/.exec(last) ?? []
  if (option !== undefined) return { before: [...before, option], current: value, prefix: `${option}=` }
  if (last === '=') return { before, current: '', prefix: '' }
  return { before: before.at(-1) === '=' ? before.slice(0, -1) : before, current: last, prefix: '' }
}

function expectsValue(option: Option, word: string | undefined): boolean {
  return word !== undefined && option.takes === 'value' && (word === option.long || word === option.short)
}

async function operands(
  command: LoadedCommand | undefined,
  current: string,
  facts: FactsToComplete,
): Promise<readonly string[]> {
  if (command === undefined) return [...COMMANDS.map((each) => each.name), 'help']
  if (command.takesCommand) return ['--']
  return command.operand?.kind.candidates?.(current, facts) ?? []
}
