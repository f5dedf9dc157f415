import type { CanhazgpuError } from '../../domain/errors.ts'
import { shownName } from '../../domain/ledger/shown-names.ts'
import type { BookedUp, Reason, Unbookable } from '../../domain/operation/refusal.ts'
import type { Booked } from '../../domain/pool/bookings.ts'
import type { Booking, Millis, Scope } from '../../domain/pool/model.ts'
import { compareUnits } from '../../domain/pool/units.ts'
import { idRanges } from '../../domain/text/gpu-ids.ts'
import { printable } from '../../domain/text/text.ts'
import { formatWhen } from '../../domain/text/when.ts'
import { spanWords } from './booking-answers.ts'
import { clockTime, localOffset } from './clock-time.ts'
import { holdersWords } from './holders.ts'
import { durationValue } from './rule-value.ts'

type Words = Pick<CanhazgpuError, 'code' | 'message'> & { readonly hint?: string }

type BookingReason = Extract<
  Reason,
  {
    code:
      | 'booked'
      | 'breaks-bookings'
      | 'bookings-off'
      | 'past'
      | 'unbookable'
      | 'no-such-booking'
      | 'policy-needs'
  }
>

/** The text of a refusal that bookings cause, or of a refused booking. */
export function bookingWords(reason: BookingReason): Words {
  switch (reason.code) {
    case 'booked':
      return bookedUpWords(reason)
    case 'breaks-bookings':
      return { code: 'not-enough-gpus', ...brokenWords(reason.bookings) }
    case 'unbookable':
      return unbookableWords(reason)
    case 'bookings-off':
      return {
        code: 'impossible-request',
        message: 'You may not book GPUs in this pool',
        hint: `an administrator allows it with 'canhazgpu policy set bookings on${optionFor(reason.scope)}'`,
      }
    case 'past':
      return { code: 'usage', message: `${formatWhen(reason.from, localOffset)} has passed` }
    case 'no-such-booking':
      return {
        code: 'failure',
        message: `No booking or reservation has the id ${printable(reason.id)}`,
        hint: SEE_SCHEDULE,
      }
    case 'policy-needs':
      return {
        code: 'failure',
        message: `Bookings need ${reason.missing.join(' and ')} for the whole pool, so that every run has a known end`,
        hint: neededHint(reason),
      }
  }
}

/** ` --account ann`: the option that names the scope of a rule. */
const optionFor = (scope: Scope | undefined): string =>
  scope === undefined || scope.kind === 'pool' ? '' : ` --${scope.kind} ${printable(scope.name)}`

function neededHint({ missing, on }: Extract<BookingReason, { readonly code: 'policy-needs' }>): string {
  if (on === undefined) return `set it first, for example with 'policy set ${missing[0]} 2d'`
  const commands = on.slice(0, MOST_SHOWN).map((scope) => `'policy unset bookings${optionFor(scope)}'`)
  const others = on.length > MOST_SHOWN ? ', and the same for others' : ''
  return `first switch bookings off with ${commands.join(', ')}${others}`
}

/** A longer list would hide the remedy. */
const MOST_SHOWN = 3

/** `GPU 3 is free until 09:00 (booked by ann): add --timeout 10h or --until-booked`. */
function bookedUpWords(reason: BookedUp): Words {
  const { now, booked, term, longest, grace, asked } = reason
  const message = freeUntilWords(booked, now)
  const code = 'not-enough-gpus'
  if (term === undefined) return { code, message: bookedFromWords(booked, now), hint: SEE_SCHEDULE }
  const most = longest === undefined ? undefined : usableTime(longest, grace)
  if (most === undefined) return { code, message, hint: `wait in the queue with --wait, or ${SEE_SCHEDULE}` }
  const option = term === 'run' ? '--timeout' : '--duration'
  const tooLong = asked === undefined ? '' : `${option} ${durationValue(asked)} is too long, `
  const verb = term === 'run' && asked === undefined ? 'add' : 'use'
  const orUntil = term === 'run' ? ' or --until-booked' : ''
  return { code, message: `${message}: ${tooLong}${verb} ${option} ${most}${orUntil}` }
}

/** Only an administrator changes the units of a pool, and may cancel the bookings of every account. */
function brokenWords(bookings: readonly Booking[]): Omit<Words, 'code'> {
  const shown = bookings.slice(0, MOST_SHOWN)
  const words = shown.map(
    (booking) => `${printable(booking.id)} of ${printable(shownName(booking))} (${spanWords(booking)})`,
  )
  const others = bookings.length - shown.length
  const what = bookings.length === 1 ? 'the booking' : 'the bookings'
  const more = others === 0 ? '' : ` and ${others} other bookings`
  const commands = shown.map(({ id }) => `'canhazgpu release ${printable(id)}'`)
  const all = others === 0 ? '' : `, and the same for the others: ${SEE_SCHEDULE}`
  return {
    message: `No GPUs would be left for ${what} ${words.join(', ')}${more}`,
    hint: `root can cancel ${bookings.length === 1 ? 'it' : 'them'} with ${commands.join(', ')}${all}`,
  }
}

export const SEE_SCHEDULE = "see 'canhazgpu schedule'"

/** `GPU 3 is free until 09:00 (booked by ann), GPUs 4-5 are free until tomorrow 08:00 (booked by ben)`. */
export const freeUntilWords = (booked: readonly Booked[], now: Millis): string =>
  listWords(booked, (ids, { by, from }, isOne) => {
    const who = printable(by)
    if (from <= now) return `${ids} ${isOne ? 'is' : 'are'} booked by ${who} since ${clockTime(from, now)}`
    return `${ids} ${isOne ? 'is' : 'are'} free until ${clockTime(from, now)} (booked by ${who})`
  })

/** `GPU 3 is booked by ann from 09:00 until 13:00`. */
const bookedFromWords = (booked: readonly Booked[], now: Millis): string =>
  listWords(booked, (ids, { by, from, until }, isOne) => {
    const span = `from ${clockTime(from, now)} until ${clockTime(until, now)}`
    return `${ids} ${isOne ? 'is' : 'are'} booked by ${printable(by)} ${span}`
  })

function listWords(
  booked: readonly Booked[],
  wordsFor: (ids: string, first: Booked, isOne: boolean) => string,
): string {
  const groups = [...Map.groupBy(booked, ({ id }) => id).values()]
  // One more is shown: "1 other bookings" would be no shorter.
  const shown = groups.length === MOST_SHOWN + 1 ? groups : groups.slice(0, MOST_SHOWN)
  const words = shown.flatMap((group) => {
    const [first] = group
    if (first === undefined) return []
    const units = group.map(({ unit }) => unit).toSorted(compareUnits)
    return [wordsFor(`${units.length === 1 ? 'GPU' : 'GPUs'} ${idRanges(units)}`, first, units.length === 1)]
  })
  const others = groups.length - words.length
  return `${words.join(', ')}${others === 0 ? '' : ` and ${others} other bookings`}`
}

const MINUTE: Millis = 60_000

/** A time limit or duration that still fits when the user has typed it; undefined if there is none. */
function usableTime(longest: Millis, grace: Millis = 0): string | undefined {
  const whole = longest - grace
  const step = whole > 30 * MINUTE ? 5 * MINUTE : MINUTE
  const usable = Math.floor((whole - MINUTE / 2) / step) * step
  return usable <= 0 ? undefined : durationValue(usable)
}

/** `it fits --at 'Mon 2026-03-02 18:01 +00:00'`. */
export const fitsWords = (at: Millis): string => `it fits --at '${formatWhen(at, localOffset)}'`

/** Why the calendar has no room for a booking. */
function unbookableWords(reason: Unbookable): Words {
  const { requested, available, from, until, now, busy, booked, draining, occupied, faulty, earliest } =
    reason
  const counts = [
    ...(busy.length === 0 ? [] : [`${busy.length} GPUs held`]),
    ...(booked.length === 0 ? [] : [`${new Set(booked.map(({ unit }) => unit)).size} GPUs booked`]),
    ...(occupied.length === 0 ? [] : [`${occupied.length} GPUs in use without reservation`]),
    ...(draining.length === 0 ? [] : [`${draining.length} GPUs drained`]),
    ...(faulty.length === 0 ? [] : [`${faulty.length} GPUs with errors`]),
  ]
  const span = [from, until].map((at) => formatWhen(at, localOffset)).join(' until ')
  const details = counts.length === 0 ? '' : ` (${counts.join(', ')})`
  const hints = [
    ...(busy.length === 0 ? [] : [holdersWords(busy, now)]),
    ...(booked.length === 0 ? [] : [bookedFromWords(booked, now)]),
    ...(earliest === undefined ? [SEE_SCHEDULE] : [fitsWords(earliest)]),
  ]
  return {
    code: 'not-enough-gpus',
    message: `Not enough GPUs from ${span}. Requested: ${requested}, Available: ${available}${details}`,
    hint: hints.join('; '),
  }
}
