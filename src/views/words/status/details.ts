import { sumOf } from '../../../domain/observation/evidence.ts'
import type { GpuStatus } from '../../../domain/observation/status.ts'
import type { Booked } from '../../../domain/pool/bookings.ts'
import type { GpuMeasurement, GpuProcess, Millis, Term } from '../../../domain/pool/model.ts'
import { formatDuration } from '../../../domain/text/duration.ts'
import { printable, shortened } from '../../../domain/text/text.ts'
import { clockTime } from '../clock-time.ts'
import { reasonWords } from '../drain-words.ts'
import { faultWords } from '../faults.ts'

const MOST_PROCESSES_SHOWN = 5

/** Details besides state and holder: when it was released, when it ends, or which processes use the GPU. */
export function detailsOf(status: GpuStatus, now: Millis): string {
  switch (status.kind) {
    case 'available': {
      const { lastUse } = status.unit
      const use =
        lastUse === undefined ? 'never used' : `last released ${formatDuration(now - lastUse.endedAt)} ago`
      return `${use}${bookedWords(status.booked, now)}`
    }
    case 'reserved':
      return termWords(status.reservation.term, now)
    case 'drained':
      return `by ${printable(status.drain.by.name)}${reasonWords(status.drain)}`
    case 'unreserved':
      return `${usedMb(status.use)}MB used by ${processWords(status.use.processes)}`
    case 'error':
      return printable(faultWords(status.use))
  }
}

/** `, booked by ann from tomorrow 09:00`; empty without a booking. Only a booking needs the local time zone. */
function bookedWords(booked: Booked | undefined, now: Millis): string {
  if (booked === undefined) return ''
  return `, booked by ${printable(booked.by)} from ${clockTime(booked.from, now)}`
}

function termWords(term: Term, now: Millis): string {
  switch (term.kind) {
    case 'run':
      return `last heartbeat ${formatDuration(now - term.heartbeatAt)} ago`
    case 'manual':
      return `expires in ${formatDuration(term.expiresAt - now)}`
    case 'booking':
      return `ends in ${formatDuration(term.until - now)}`
    case 'maintenance':
      return term.until === undefined ? 'until it is restored' : `ends in ${formatDuration(term.until - now)}`
  }
}

/** A driver may report less memory for the GPU than for one of its processes. Then the sum of the processes counts. */
function usedMb({ memoryUsedMb, processes }: GpuMeasurement): number {
  const isTooLittle = processes.some(({ memoryMb = 0 }) => memoryMb > memoryUsedMb)
  return isTooLittle ? sumOf(processes) : memoryUsedMb
}

function processWords(processes: readonly GpuProcess[]): string {
  if (processes.length === 0) return 'unknown processes'
  const shown = processes
    .slice(0, MOST_PROCESSES_SHOWN)
    .map((process) => `PID ${process.pid} (${shortened(process.name, 40)})`)
  const more = processes.length - shown.length
  return shown.join(', ') + (more > 0 ? ` and ${more} more` : '')
}
