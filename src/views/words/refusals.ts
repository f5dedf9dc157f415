import { CanhazgpuError } from '../../domain/errors.ts'
import {
  type Draining,
  isRefusal,
  type Missing,
  type Reason,
  type Refusal,
  type Shortage,
} from '../../domain/operation/refusal.ts'
import type { UnitId } from '../../domain/pool/model.ts'
import { shortened } from '../../domain/text/text.ts'
import { bookingWords, fitsWords, freeUntilWords } from './booking-words.ts'
import { drainedWords } from './drain-words.ts'
import { REFRESH_COMMAND } from './faults.ts'
import { gpuWords, holdersWords, remainingWords } from './holders.ts'
import { limitWords, reachedWords } from './limit-words.ts'
import { requirementsWords } from './request-words.ts'

/** Returns the answer, or throws the refusal as an error. */
export function unlessRefused<Answer>(answer: Answer | Refusal): Answer {
  if (isRefusal(answer)) throw refusalError(answer.refused)
  return answer
}

/** Converts a refusal to an error with code, message and hint. No other code makes the text of a refusal. */
export function refusalError(reason: Reason): CanhazgpuError {
  const { code, message, hint } = wordsOf(reason)
  return new CanhazgpuError(code, message, {
    ...(hint === undefined ? {} : { hint }),
    reason,
  })
}

export type Words = Pick<CanhazgpuError, 'code' | 'message'> & { readonly hint?: string }

function wordsOf(reason: Reason): Words {
  switch (reason.code) {
    case 'short':
      return { code: 'not-enough-gpus', message: shortageWords(reason), ...hintFor(reason) }
    case 'impossible':
      return { code: 'impossible-request', message: impossibleWords(reason), hint: impossibleHint(reason) }
    case 'no-such-unit':
      return {
        code: 'impossible-request',
        message: `No such GPU: ${reason.units.join(', ')}`,
        hint: SEE_GPUS,
      }
    case 'not-yours':
      return {
        code: 'not-yours',
        message: `GPU ${reason.unit} is reserved by ${reason.owner}${remainingWords(reason.until, reason.now)}`,
        hint: `ask its holder, or an administrator, to release it${reason.requested.length > 1 ? '; nothing was released' : ''}`,
      }
    case 'timed-out': {
      const { over, busy, booked = [], now } = reason
      const facts = [
        over === undefined ? '' : reachedWords(over),
        holdersWords(busy, now),
        freeUntilWords(booked, now),
      ]
      const hints = [...facts.filter((words) => words !== ''), "see 'canhazgpu queue' and 'canhazgpu status'"]
      return { code: 'wait-timed-out', message: 'Timed out waiting for GPUs', hint: hints.join('; ') }
    }
    case 'over-limit':
      return limitWords(reason)
    case 'nothing-to-extend':
      return {
        code: 'failure',
        message:
          reason.units === undefined
            ? 'No manually reserved GPUs found for current user to extend'
            : `No manual reservation of yours on ${gpuWords(reason.units)} to extend`,
      }
    case 'draining':
      return { code: 'not-enough-gpus', ...drainingWords(reason.draining) }
    case 'promised':
      return {
        code: 'not-enough-gpus',
        message: 'Others wait in the queue for these GPUs and would wait longer',
        hint: `${reason.earliest === undefined ? '' : `${fitsWords(reason.earliest)}; `}see 'canhazgpu queue'`,
      }
    case 'booked':
    case 'breaks-bookings':
    case 'bookings-off':
    case 'past':
    case 'unbookable':
    case 'no-such-booking':
    case 'policy-needs':
      return bookingWords(reason)
    case 'gone':
      return { code: 'failure', message: 'The process that requested the GPUs has ended' }
    case 'forbidden':
      return {
        code: 'not-yours',
        message: 'This reservation, booking or queue entry belongs to another account',
      }
    case 'nothing-to-claim':
      return { code: 'failure', ...claimWords(reason) }
    case 'owners-unknown':
      return {
        code: 'failure',
        message:
          '--claim cannot find the owners of the processes on the GPUs: the driver reports process ids of the host, which differ in this pid namespace',
        hint: 'run it on the host, or in a container with --pid=host',
      }
    case 'already-initialized':
      return {
        code: 'pool-already-initialized',
        message: `GPU pool already initialized with ${reason.units} GPUs. Use --force to reinitialize`,
      }
    case 'too-few-devices':
      return {
        code: 'impossible-request',
        message: `Cannot set up ${reason.asked} GPUs: ${reason.provider} shows ${reason.shown}`,
        hint: `use --gpus ${reason.shown}`,
      }
    case 'devices-missing': {
      const { managed, shown, units } = reason
      return {
        code: 'failure',
        message: `Cannot adopt the GPUs: the pool has ${managed}, the driver shows ${shown}, and none for GPU ${units.join(', ')}`,
        hint: `restore the missing GPUs, or set up the pool again with 'sudo canhazgpu admin --gpus ${shown} --force', which ends all reservations`,
      }
    }
  }
}

function drainingWords(draining: readonly Draining[]): Omit<Words, 'code'> {
  const units = draining.map(({ unit }) => unit)
  return {
    message: `Cannot extend: ${drainsWords(draining)}`,
    hint: `${gpuWords(units)} ${units.length === 1 ? 'stays' : 'stay'} yours until the reservation expires; to extend its other GPUs, first use 'release --gpu-ids ${units.join(',')}'`,
  }
}

const MOST_DRAINS = 2

/** `GPU 3 drained by root - fan, GPU 4 drained by root and 2 other drained GPUs`. */
function drainsWords(draining: readonly Draining[]): string {
  const words = draining.map(({ unit, drain }) => drainedWords(unit, drain))
  const others = words.length - MOST_DRAINS
  if (others <= 1) return words.join(', ')
  return `${words.slice(0, MOST_DRAINS).join(', ')} and ${others} other drained GPUs`
}

/** A pool that an earlier version set up knows no memory of its GPUs. */
function impossibleHint({ missing }: Extract<Reason, { code: 'impossible' }>): string {
  const isUnknown =
    missing.kind === 'suitable' &&
    missing.requirements.leastMemoryMb !== undefined &&
    missing.models.some(({ memoryMb }) => memoryMb === undefined)
  return isUnknown ? `${REFRESH_COMMAND} stores the memory of the GPUs` : SEE_GPUS
}

const SEE_GPUS = "see 'canhazgpu status' for the GPUs of this machine"

/** The holders are in the hint, because scripts may compare the message of a full pool. */
function hintFor(shortage: Shortage): { readonly hint?: string } {
  const { ahead, taken, busy, booked, draining, now } = shortage
  const holders = holdersWords(busy, now)
  const drains = drainsWords(
    taken.length === 0 ? draining : draining.filter(({ unit }) => taken.includes(unit)),
  )
  const parts = [
    ...(holders === '' ? [] : [holders]),
    ...(booked.length === 0 ? [] : [freeUntilWords(booked, now)]),
    ...(drains === '' ? [] : [drains]),
    ...(ahead > 0 ? ["see 'canhazgpu queue', and wait in the queue with --wait"] : []),
    ...(ahead === 0 && (holders !== '' || taken.length > 0) ? [waitHint(holders, shortage)] : []),
  ]
  return parts.length === 0 ? {} : { hint: parts.join('; ') }
}

/** Names `status` only if neither the hint nor the message explains the shortage already. */
const waitHint = (holders: string, shortage: Shortage): string =>
  holders === '' && reasonsOf(shortage).length === 0
    ? "see 'canhazgpu status', or wait in the queue with --wait"
    : 'wait in the queue with --wait'

function shortageWords(shortage: Shortage): string {
  const { requested, available, taken, requirements = {} } = shortage
  const what =
    taken.length > 0
      ? notAvailable(taken)
      : `Not enough GPUs${requirementsWords(requirements)} available. Requested: ${requested}, Available: ${available}`
  return `${what}${detailsOf(shortage)}`
}

const notAvailable = (taken: readonly UnitId[]): string =>
  `${gpuWords(taken)} ${taken.length === 1 ? 'is' : 'are'} not available`

function detailsOf(shortage: Shortage): string {
  const { ahead } = shortage
  const reasons = reasonsOf(shortage)
  const places = ahead > 0 ? ` (${ahead} ahead in the queue)` : ''
  return reasons.length === 0
    ? places
    : ` (${reasons.join(', ')} - run 'canhazgpu status' for details)${places}`
}

/** Why GPUs without a holder cannot be granted. */
function reasonsOf({ occupied, booked, draining, faulty, replaced }: Shortage): readonly string[] {
  const withErrors = faulty.length - replaced.length
  return [
    ...(occupied.length > 0 ? [`${occupied.length} GPUs in use without reservation`] : []),
    ...(booked.length > 0 ? [`${booked.length} GPUs booked`] : []),
    ...(draining.length > 0 ? [`${draining.length} GPUs drained`] : []),
    ...(withErrors > 0 ? [`${withErrors} GPUs with errors`] : []),
    ...(replaced.length > 0
      ? [`${replaced.length} GPUs replaced by others, which ${REFRESH_COMMAND} adopts`]
      : []),
  ]
}

function impossibleWords({ missing, managed }: Extract<Reason, { code: 'impossible' }>): string {
  if (missing.kind === 'suitable') return unsuitableWords(missing)
  const what =
    missing.kind === 'count'
      ? `Cannot reserve ${missing.count} GPUs`
      : `No such GPU: ${missing.ids.join(', ')}`
  const [first, last] = [managed[0], managed.at(-1)]
  const ids = managed.length === 1 ? `GPU (ID ${first})` : `GPUs (IDs ${first} to ${last})`
  return `${what}: this pool has ${managed.length} ${ids}`
}

function unsuitableWords({
  count,
  requirements,
  suitable,
  models,
}: Extract<Missing, { kind: 'suitable' }>): string {
  const words = requirementsWords(requirements)
  const known = models.map((model) => {
    const memory = model.memoryMb === undefined ? 'memory unknown' : `${model.memoryMb}MB`
    return `${model.count} ${shortened(model.name, 60)} (${memory})`
  })
  return suitable === 0
    ? `This pool has no GPU${words}; it has ${known.join(', ')}`
    : `Cannot reserve ${count} GPUs${words}: only ${suitable} match; this pool has ${known.join(', ')}`
}

function claimWords({
  claimable,
  because,
}: Extract<Reason, { code: 'nothing-to-claim' }>): Omit<Words, 'code'> {
  const message =
    claimable === 0
      ? 'No unreserved GPU is used only by your processes'
      : `Only ${claimable} unreserved GPU(s) are used only by your processes`
  switch (because?.kind) {
    case 'hidden-process':
      return { message, hint: `the owner of PID ${because.pid} cannot be seen from here` }
    case 'unexplained-memory': {
      const { memoryMb, unit } = because
      const hint = `${memoryMb}MB on GPU ${unit} belong to no known process, so another account may use it`
      return { message, hint }
    }
    case undefined:
      return { message, hint: "see 'canhazgpu status'" }
  }
}
