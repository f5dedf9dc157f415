import { formatDuration } from '../domain/duration.ts'
import type { GpuMeasurement, GpuProcess, Reservation } from '../domain/model.ts'
import { shownName } from '../domain/report.ts'
import { type GpuStatus, type View, validationOf } from '../domain/status.ts'
import { printable, shortened } from '../domain/text.ts'
import type { Look } from './command.ts'

const MOST_PROCESSES_SHOWN = 5

/** One GPU in the words of `status`, without the line's end. */
export function statusLine(status: GpuStatus, view: View, look: Look): string {
  const name = `GPU ${status.gpu.id}`
  switch (status.kind) {
    case 'available': {
      const { releasedAt } = status.gpu
      const since =
        releasedAt === undefined ? 'never used' : `last released ${formatDuration(view.now - releasedAt)} ago`
      return `${name}: ${paint('green', 'AVAILABLE', look)} (${since}) ${validation(status, view)}`
    }
    case 'reserved': {
      const { reservation } = status
      const held = formatDuration(view.now - reservation.startedAt)
      const words = `by ${printable(shownName(reservation))} for ${held} (${terms(reservation, view.now)})`
      return `${name}: ${paint('blue', 'IN USE', look)} ${words} ${validation(status, view)}${note(reservation)}`
    }
    case 'unreserved':
      return `${name}: ${paint('red', 'IN USE WITHOUT RESERVATION', look)} ${usedBy(status.usage)}`
    case 'error':
      return `${name}: ${paint('yellow', 'ERROR', look)} - ${printable(status.usage.reason)}`
  }
}

/** Whether the driver bears the state out, in brackets. */
function validation(status: GpuStatus, view: View): string {
  if (status.usage.kind === 'fault') return `[not validated: ${printable(status.usage.reason)}]`
  return `[validated: ${validationOf(status, view.thresholdMb)}]`
}

/** What kind of reservation, and until when. */
export function terms(reservation: Reservation, now: number): string {
  switch (reservation.kind) {
    case 'run':
      return `run, last heartbeat ${formatDuration(now - reservation.heartbeatAt)} ago`
    case 'manual':
      return `manual, expires in ${formatDuration(reservation.expiresAt - now)}`
  }
}

/** Who uses an unreserved GPU, and by which processes. */
export function usedBy(usage: GpuMeasurement): string {
  const users = [...new Set(usage.processes.map((process) => printable(process.user ?? 'unknown')))]
  const who =
    users.length === 0 ? 'user unknown' : `${users.length === 1 ? 'user' : 'users'} ${users.join(', ')}`
  return `by ${who} - ${usage.memoryUsedMb}MB used by ${processList(usage.processes)}`
}

function processList(processes: readonly GpuProcess[]): string {
  if (processes.length === 0) return 'unknown processes'
  const shown = processes
    .slice(0, MOST_PROCESSES_SHOWN)
    .map((process) => `PID ${process.pid} (${shortened(process.name, 40)})`)
  const more = processes.length - shown.length
  return shown.join(', ') + (more > 0 ? ` and ${more} more` : '')
}

function note(reservation: Reservation): string {
  return reservation.note === undefined ? '' : ` - ${shortened(reservation.note, 80)}`
}

const COLORS = { red: 31, green: 32, yellow: 33, blue: 34 } as const

function paint(color: keyof typeof COLORS, text: string, look: Look): string {
  return look.color ? `\u001b[${COLORS[color]}m${text}\u001b[0m` : text
}
