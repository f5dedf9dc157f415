import { shownName } from '../../../domain/ledger/shown-names.ts'
import { usersOf } from '../../../domain/observation/evidence.ts'
import type { GpuStatus, View } from '../../../domain/observation/status.ts'
import type { GpuMeasurement, Reservation } from '../../../domain/pool/model.ts'
import { formatDuration } from '../../../domain/text/duration.ts'
import { printable, shortened } from '../../../domain/text/text.ts'
import { drainingMark, reasonWords } from '../drain-words.ts'
import { faultWords } from '../faults.ts'
import type { Display } from '../printed.ts'
import { detailsOf } from './details.ts'
import { STATES } from './states.ts'
import { validationOf } from './validation.ts'

/** One line of `status` without the line break. */
export function statusLine(status: GpuStatus, view: View, display: Display): string {
  const details = detailsOf(status, view.now)
  const head = `GPU ${status.unit.id}: ${coloured(status, STATES[status.kind].text, display)}`
  switch (status.kind) {
    case 'available':
      return `${head} (${details}) ${validation(status, view)}`
    case 'reserved': {
      const { reservation } = status
      const held = `by ${holderName(reservation)} for ${formatDuration(view.now - reservation.startedAt)}`
      const term = `(${reservation.term.kind}, ${details})${drainingMark(status.unit.drain)}`
      return `${head} ${held} ${term}${note(reservation)} ${validation(status, view)}`
    }
    case 'drained': {
      const { by, since } = status.drain
      const drained = `by ${printable(by.name)} for ${formatDuration(view.now - since)}`
      return `${head} ${drained}${reasonWords(status.drain)} ${validation(status, view)}`
    }
    case 'unreserved':
      return `${head} by ${unreservedUsers(status.use)} - ${details}`
    case 'error':
      return `${head} - ${details}`
  }
}

/** Adds the colour of the GPU's state if colours are enabled. */
export function coloured({ kind }: GpuStatus, words: string, display: Display): string {
  return display.color ? `\u001b[${STATES[kind].color}m${words}\u001b[0m` : words
}

export const holderName = (reservation: Reservation): string => printable(shownName(reservation))

function unreservedUsers(use: GpuMeasurement): string {
  const users = usersOf(use).map(printable)
  if (users.length === 0) return 'user unknown'
  return `${users.length === 1 ? 'user' : 'users'} ${users.join(', ')}`
}

/** The driver's reading that supports the state, in brackets. */
function validation(status: GpuStatus, view: View): string {
  if (status.use.kind === 'fault') return `[not validated: ${printable(faultWords(status.use))}]`
  return `[validated: ${validationOf(status, view.thresholdMb)}]`
}

function note(reservation: Reservation): string {
  return reservation.note === undefined ? '' : ` - ${shortened(reservation.note, 80)}`
}
