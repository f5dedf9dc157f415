import type { WaitProgress } from '../../app/waiting/wait-progress.ts'
import { shownName } from '../../domain/ledger/shown-names.ts'
import type { Millis, Request, Reservation } from '../../domain/pool/model.ts'
import type { ExpectedStart } from '../../domain/schedule/expected-starts.ts'
import type { WaitingReason } from '../../domain/schedule/queue-places.ts'
import { knownEnd } from '../../domain/schedule/term-times.ts'
import { printable } from '../../domain/text/text.ts'
import { clockTime } from './clock-time.ts'
import { limitSource } from './limit-source.ts'
import { freeWords, obstacleWords } from './obstacle-words.ts'
import { requestWords } from './request-words.ts'

/** `Waiting for 4 GPUs: position 2 of 3, 1 free, earliest 14:32 (when alice's reservation expires)`. */
export function waitingWords(request: Request, progress: WaitProgress): string {
  const place = `position ${progress.position} of ${progress.length}, ${freeWords(progress.free, progress.obstacles)}`
  return `Waiting for ${requestWords(request)}: ${place}, ${untilWords(progress, progress.now)}`
}

/** The part of the progress that concerns this waiter. A log file gets a new line only if this part changes. */
export function ownProgress(progress: WaitProgress): string {
  // With the current time, the text could change although nothing happened: `tomorrow` becomes a time of day at midnight.
  return `${progress.position} ${untilWords(progress, Number.NEGATIVE_INFINITY)}`
}

function untilWords({ driverFailure, forecast, limit }: WaitProgress, now: Millis): string {
  if (driverFailure !== undefined) return printable(driverFailure.message)
  const reached =
    limit === undefined
      ? ''
      : `your limit of ${limit.most} GPUs is reached (${limitSource('max-gpus', limit.scope)}), `
  return reached + forecastWords(forecast, now)
}

export function forecastWords(forecast: ExpectedStart, now: Millis): string {
  switch (forecast.kind) {
    case 'at': {
      const { after } = forecast
      if (forecast.at <= now) return 'earliest now'
      const cause = after === undefined ? '' : ` (when ${ownerOf(after)} ${endWords(after)})`
      return `earliest ${clockTime(forecast.at, now)}${cause}`
    }
    case 'unknown':
      return `earliest unknown (${unknownWords(forecast)})`
    case 'stopped':
      return 'earliest unknown (stopped)'
  }
}

function unknownWords({ after, obstacle }: Extract<ExpectedStart, { kind: 'unknown' }>): string {
  if (obstacle !== undefined) return obstacleWords(obstacle)
  if (after === undefined) return 'earlier requests have no time limit'
  const isOverdue = knownEnd(after) < Number.POSITIVE_INFINITY
  return `${ownerOf(after)} run ${isOverdue ? 'continues after its time limit' : 'has no time limit'}`
}

const ownerOf = (reservation: Reservation): string => `${printable(shownName(reservation))}'s`

function endWords({ term }: Reservation): string {
  switch (term.kind) {
    case 'run':
      return 'run times out'
    case 'booking':
      return 'booking ends'
    case 'manual':
    case 'maintenance':
      return 'reservation expires'
  }
}

/** Why a request waits. */
export function reasonWords(reason: WaitingReason): string {
  switch (reason.kind) {
    case 'short':
      return freeWords(reason.free, reason.obstacles)
    case 'booked': {
      const names = new Set(reason.booked.map(({ by }) => printable(by)))
      return `the free GPUs are booked too soon, by ${[...names].join(', ')}`
    }
    case 'behind':
      return `behind position ${reason.position}`
    case 'over-limit':
      return `limit of ${reason.most} GPUs reached (${limitSource('max-gpus', reason.scope)}): has ${reason.used}`
    case 'next':
      return 'next to be served'
    case 'unanswered':
      return 'does not respond'
    case 'stopped':
      return 'stopped, does not count until it continues'
  }
}
