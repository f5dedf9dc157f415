import { CanhazgpuError } from '../../domain/errors.ts'
import type { Millis, UnitId } from '../../domain/pool/model.ts'
import { MEGABYTES_EXPECTED, readMegabytes } from '../../domain/settings.ts'
import { durationExamples, parseDuration } from '../../domain/text/duration.ts'
import { parseGpuIds } from '../../domain/text/gpu-ids.ts'
import { memoryExamples, parseMemory } from '../../domain/text/memory.ts'
import { printable } from '../../domain/text/text.ts'

/** The values that an option or operand accepts. */
export interface Kind<Value> {
  /** Throws `usage`; the message names the option by its long flag. */
  readonly read: (text: string, flag: string) => Value
  /** Candidates for completion; none if absent. */
  readonly candidates?: (typed: string, facts: FactsToComplete) => Candidates
}

type Candidates = readonly string[] | Promise<readonly string[]>

/** The facts that completion uses. Without a pool there are no ids. */
export interface FactsToComplete {
  readonly gpuIds: () => Promise<readonly UnitId[]>
  readonly gpuTypes: () => Promise<readonly string[]>
  /** Ids of the account's bookings. */
  readonly bookings: () => Promise<readonly string[]>
  /** Names of `remote_hosts`. */
  readonly remoteHosts: () => Promise<readonly string[]>
  /** Names of hosts that can be shown. */
  readonly shownHosts: () => Promise<readonly string[]>
}

export const duration: Kind<Millis> = { read: parseDuration, candidates: () => durationExamples }

/** The name of another host. */
export const hostName = (candidates: NonNullable<Kind<string>['candidates']>): Kind<string> => ({
  read: (text) => text,
  candidates,
})

/** A later time. The command reads it, because its meaning depends on the time of the call. */
export const when: Kind<string> = {
  read: (text) => text,
  candidates: async () => (await import('../../domain/text/when.ts')).whenExamples,
}

export const gpuIds: Kind<readonly UnitId[]> = {
  read: parseGpuIds,
  async candidates(typed, pool) {
    const earlier = typed.slice(0, typed.lastIndexOf(',') + 1)
    const named = earlier.split(',')
    const ids = await pool.gpuIds()
    return ids.filter((id) => !named.includes(id)).map((id) => `${earlier}${id}`)
  },
}

/** The id of a reservation or booking. A word like `1,3` names GPUs. */
export const reservationId: Kind<string> = {
  read(text) {
    if (/^[0-9a-z-]{1,64}$/i.test(text) && !/^[\d-]{1,8}$/.test(text)) return text
    const hint = /^[\d,-]{1,40}$/.test(text)
      ? `use '--gpu-ids ${text}'`
      : "see 'canhazgpu schedule' for the ids"
    throw new CanhazgpuError('usage', `'${text}' is not the id of a reservation or booking`, { hint })
  },
  candidates: (_, pool) => pool.bookings(),
}

const MOST_TYPES = 16

/** Types of GPUs, in lower case. Each has a letter or digit, because it is compared by its words. */
export const gpuTypes: Kind<readonly string[]> = {
  read(text, flag) {
    const types = text.split(',').map((type) => type.trim().toLowerCase())
    if (types.length <= MOST_TYPES && types.every((type) => GPU_TYPE.test(type))) return types
    throw invalid(flag, `'${text}' - expected types such as h100 or h100,a100`)
  },
  async candidates(typed, pool) {
    const earlier = typed.slice(0, typed.lastIndexOf(',') + 1)
    return (await pool.gpuTypes()).map((type) => `${earlier}${type}`)
  },
}

const GPU_TYPE = /^[a-z0-9][a-z0-9 ._+-]{0,63}$/

export const memory: Kind<number> = { read: parseMemory, candidates: () => memoryExamples }

/** More GPUs than any machine has. */
const MOST_GPUS = 1024

export const gpuCount: Kind<number> = {
  ...wholeNumber(1, MOST_GPUS),
  candidates: async (_, pool) => (await pool.gpuIds()).map((_, before) => String(before + 1)),
}

export function wholeNumber(smallest: number, largest: number): Kind<number> {
  return {
    read(text, flag) {
      const number = /^[+]?\d+$/.test(text) ? Number(text) : Number.NaN
      if (Number.isSafeInteger(number) && number >= smallest && number <= largest) return number
      throw invalid(flag, `'${text}' - expected a whole number from ${smallest} to ${largest}`)
    },
  }
}

export function oneOf<const Choice extends string>(choices: readonly Choice[]): Kind<Choice> {
  return {
    read(text, flag) {
      const choice = choices.find((each) => each === text)
      if (choice !== undefined) return choice
      throw invalid(flag, `'${text}' - expected one of ${choices.join(', ')}`)
    },
    candidates: () => choices,
  }
}

export const megabytes: Kind<number> = {
  read(text, flag) {
    const read = readMegabytes(text)
    if (read !== undefined) return read
    throw invalid(flag, `'${text}' - expected ${MEGABYTES_EXPECTED}`)
  },
}

export const absolutePath: Kind<string> = {
  read(text, flag) {
    if (text.startsWith('/') && !text.endsWith('/') && !text.includes('\0')) return text
    throw invalid(flag, `'${text}' - expected an absolute path`)
  },
}

/**
 * The Redis server of an original canhazgpu, which cannot use a password. An address with one is refused, because all
 * users can see the words of a command.
 */
export const redisAddress: Kind<URL> = {
  read(text, flag) {
    const url = URL.parse(text)
    const isAddress = url?.protocol === 'redis:' && url.hostname !== '' && /^\/?\d{0,5}$/.test(url.pathname)
    if (!isAddress) throw invalid(flag, `expected an address such as redis://localhost:6379/0`)
    if (url.username === '' && url.password === '') return url
    throw invalid(flag, 'a password would be visible to all users; the original canhazgpu uses none')
  },
}

const LONGEST_TEXT = 200

/** A text that other users see. */
export const shownText: Kind<string> = {
  read(text, flag) {
    const shown = printable(text)
    if (shown.length > 0 && shown.length <= LONGEST_TEXT) return shown
    throw invalid(flag, `expected 1 to ${LONGEST_TEXT} visible characters`)
  },
}

export const invalid = (flag: string, what: string): CanhazgpuError =>
  new CanhazgpuError('usage', `Invalid value for ${flag}: ${what}`)
