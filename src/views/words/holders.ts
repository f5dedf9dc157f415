import type { Busy } from '../../domain/operation/refusal.ts'
import type { Millis, UnitId } from '../../domain/pool/model.ts'
import { compareUnits } from '../../domain/pool/units.ts'
import { formatDuration } from '../../domain/text/duration.ts'
import { idRanges } from '../../domain/text/gpu-ids.ts'
import { printable } from '../../domain/text/text.ts'

/** A longer list would hide the rest of the hint. */
const MOST_SHOWN = 4

/** `you hold 0-3 for another 2h 57m 45s, bob holds 4`. The account's own GPUs are first. Empty if no GPU is held. */
export function holdersWords(busy: readonly Busy[], now: Millis): string {
  const words = heldTogether(busy)
    .toSorted((a, b) => Number(b[0]?.own) - Number(a[0]?.own))
    .map((held) => groupWords(held, now))
  const others = words.length - MOST_SHOWN
  if (others <= 1) return words.join(', ')
  return `${words.slice(0, MOST_SHOWN).join(', ')} and ${others} other reservations`
}

/** Groups the units by holder and end. */
function heldTogether(busy: readonly Busy[]): readonly (readonly Busy[])[] {
  const groups: Busy[][] = []
  for (const held of busy) {
    const { own, owner, until } = held
    const group = groups.find(
      ([first]) => first?.own === own && first.owner === owner && first.until === until,
    )
    if (group === undefined) groups.push([held])
    else group.push(held)
  }
  return groups
}

function groupWords(held: readonly Busy[], now: Millis): string {
  const [first] = held
  if (first === undefined) return ''
  const who = first.own ? 'you hold' : `${printable(first.owner)} holds`
  const ids = idRanges(held.map(({ unit }) => unit).toSorted(compareUnits))
  return `${who} ${ids}${remainingWords(first.until, now)}`
}

/**
 * ` for another 2h 57m 45s`. Empty if the end is unknown or has passed. A time of day would cost too much: the first use
 * of the local time zone takes half of the time of a short command.
 */
export const remainingWords = (until: Millis | undefined, now: Millis): string =>
  until === undefined || until <= now ? '' : ` for another ${formatDuration(until - now)}`

/** `GPU 1`, or `GPUs 1, 2`. */
export const gpuWords = (units: readonly UnitId[]): string =>
  `${units.length === 1 ? 'GPU' : 'GPUs'} ${units.join(', ')}`
