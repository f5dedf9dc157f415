import type { CanhazgpuError } from '../../domain/errors.ts'
import type { OverLimit, Reason } from '../../domain/operation/refusal.ts'
import type { Booking, Millis } from '../../domain/pool/model.ts'
import { DEFAULT_GRACE } from '../../domain/schedule/demand.ts'
import { formatDuration } from '../../domain/text/duration.ts'
import { printable } from '../../domain/text/text.ts'
import { formatWhen } from '../../domain/text/when.ts'
import { SEE_SCHEDULE } from './booking-words.ts'
import { localOffset } from './clock-time.ts'
import { limitSource } from './limit-source.ts'

type Words = Pick<CanhazgpuError, 'code' | 'message'> & { readonly hint: string }

/** The text of a refusal by a limit: the limit, its source, what is used, and when it allows the request. */
export function limitWords(reason: OverLimit): Words {
  switch (reason.limit) {
    case 'queue':
      return {
        code: 'too-many-waiting',
        message: `The queue is full: ${reason.waiting} requests of all accounts wait already, at most ${reason.most}`,
        hint: "try again when some of them have started: see 'canhazgpu queue'",
      }
    case 'account':
      return waitingLimitWords(reason)
    case 'bookings': {
      const { most, booked, scope } = reason
      return {
        code: 'over-limit',
        message: `Your limit is ${most} bookings (${limitSource('max-waiting', scope)}): you have ${booked}`,
        hint: bookingsHint(reason),
      }
    }
    case 'all-bookings':
      return {
        code: 'over-limit',
        message: `This pool has ${reason.booked} bookings already, and no more are possible`,
        hint: bookingsHint(reason),
      }
    case 'ahead': {
      const source = limitSource('max-booked-ahead', reason.scope)
      return {
        code: 'impossible-request',
        message: `A booking may begin at most ${formatDuration(reason.most)} ahead (${source}): requested ${formatDuration(reason.asked)}`,
        hint: SEE_POLICY,
      }
    }
    case 'gpus':
      return gpuLimitWords(reason)
    case 'duration':
      return durationLimitWords(reason)
  }
}

type Over<Limit extends OverLimit['limit']> = Extract<OverLimit, { readonly limit: Limit }>

function waitingLimitWords({ waiting, most, scope, frees }: Over<'account'>): Words {
  const when =
    frees === undefined
      ? 'try again when one of them has started or ended'
      : `one of them is expected to leave the queue in ${formatDuration(frees.at - frees.now)}`
  return {
    code: 'too-many-waiting',
    message: `Your limit is ${most} requests in the queue (${limitSource('max-waiting', scope)}): you have ${waiting}`,
    hint: most === 0 ? 'leave out --wait' : `${when}: see 'canhazgpu queue'`,
  }
}

const bookingsHint = ({ frees }: Over<'bookings' | 'all-bookings'>): string =>
  frees === undefined
    ? SEE_SCHEDULE
    : `the first of them begins in ${formatDuration(frees.at - frees.now)}: ${SEE_SCHEDULE}`

const graceWords = (grace: Millis | undefined): string =>
  grace === undefined
    ? ''
    : `, with ${formatDuration(grace)} of --grace above ${formatDuration(DEFAULT_GRACE)}`

function durationLimitWords({ asked, most, scope, lasts, grace }: Over<'duration'>): Words {
  const limit = `Your limit is ${formatDuration(most)} (${limitSource('max-duration', scope)})`
  const code = 'impossible-request'
  if (lasts === undefined) {
    const hint = `request at most ${formatDuration(most)}; ${SEE_POLICY}`
    return { code, message: `${limit}: requested ${formatDuration(asked)}${graceWords(grace)}`, hint }
  }
  const message = `${limit}: the reservation has ${formatDuration(lasts)}, requested ${formatDuration(asked)} in all`
  if (lasts < most) return { code, message, hint: `extend by at most ${formatDuration(most - lasts)}` }
  return { code, message, hint: 'reserve again when it has ended' }
}

function gpuLimitWords({ requested, used, most, scope, frees, at, bookings = [] }: Over<'gpus'>): Words {
  const limit = `Your limit is ${most} GPUs at once (${limitSource('max-gpus', scope)})`
  const message = `${limit}: you have ${used}, requested ${requested}`
  if (requested > most) {
    const instead = most === 0 ? '' : `request at most ${most}; `
    return { code: 'impossible-request', message, hint: `${instead}${SEE_POLICY}` }
  }
  if (at !== undefined) {
    return {
      code: 'over-limit',
      message: `${limit}: from ${formatWhen(at, localOffset)} you have ${used}, requested ${requested}`,
      hint: bookings.length === 0 ? `${SEE_SCHEDULE}, or release some of yours` : ownBookingsWords(bookings),
    }
  }
  const when =
    frees === undefined || frees.at <= frees.now
      ? 'allowed when enough of yours have ended'
      : `allowed in ${formatDuration(frees.at - frees.now)}`
  return {
    code: 'over-limit',
    message,
    hint: `${when}; wait in the queue with --wait, or release some of yours`,
  }
}

/** `your booking 3f2a8c1e90ab has 2 of them: request a shorter or another time, or cancel it with …`. */
function ownBookingsWords(bookings: readonly Booking[]): string {
  const [first] = bookings
  if (first === undefined) return SEE_SCHEDULE
  const id = printable(first.id)
  const others = bookings.length === 1 ? '' : `; ${bookings.length - 1} more of yours: ${SEE_SCHEDULE}`
  return `your booking ${id} has ${first.holdings.length} of them: request a shorter or another time, or cancel it with 'canhazgpu release ${id}'${others}`
}

/** `your limit of 2 GPUs is reached (max-gpus of group students): you have 2` */
export const reachedWords = ({ scope, used, most }: NonNullable<TimedOut['over']>): string =>
  `your limit of ${most} GPUs is reached (${limitSource('max-gpus', scope)}): you have ${used}`

type TimedOut = Extract<Reason, { readonly code: 'timed-out' }>

const SEE_POLICY = "see 'canhazgpu policy'"
