import { usersOf } from '../../../domain/observation/evidence.ts'
import type { GpuStatus, View } from '../../../domain/observation/status.ts'
import { modelOf } from '../../../domain/text/ai-model.ts'
import { formatDuration } from '../../../domain/text/duration.ts'
import { printable, shortened } from '../../../domain/text/text.ts'
import { drainingMark } from '../drain-words.ts'
import type { Display } from '../printed.ts'
import { EMPTY_CELL, table } from '../table.ts'
import { detailsOf } from './details.ts'
import { coloured, holderName } from './line.ts'
import { STATES } from './states.ts'
import { validationOf } from './validation.ts'

const HEADER = ['GPU', 'STATUS', 'USER', 'DURATION', 'TYPE', 'MODEL', 'DETAILS', 'VALIDATION']

/** All GPUs as a table. */
export function statusTable(gpus: readonly GpuStatus[], view: View, display: Display): string {
  return table(
    HEADER,
    gpus.map((status) => row(status, view, display)),
    display.columns,
  )
}

function row(status: GpuStatus, view: View, display: Display): readonly string[] {
  const reservation = status.kind === 'reserved' ? status.reservation : undefined
  const since = status.kind === 'drained' ? status.drain.since : reservation?.startedAt
  const draining = status.kind === 'drained' ? '' : drainingMark(status.unit.drain)
  const note = reservation?.note === undefined ? '' : ` - ${shortened(reservation.note, 60)}`
  return [
    status.unit.id,
    coloured(status, STATES[status.kind].short, display),
    userOf(status),
    since === undefined ? EMPTY_CELL : formatDuration(view.now - since),
    reservation?.term.kind ?? EMPTY_CELL,
    shortened(modelOf(status) ?? EMPTY_CELL, 60),
    `${detailsOf(status, view.now)}${draining}${note}`,
    validationOf(status, view.thresholdMb) ?? EMPTY_CELL,
  ]
}

function userOf(status: GpuStatus): string {
  switch (status.kind) {
    case 'reserved':
      return holderName(status.reservation)
    case 'unreserved':
      return usersOf(status.use).map(printable).join(', ') || 'unknown'
    case 'available':
    case 'drained':
    case 'error':
      return EMPTY_CELL
  }
}
