import { usersOf } from '../../domain/observation/evidence.ts'
import type { UnitFault, UnitUse } from '../../domain/observation/readings.ts'
import type { StaleReadings } from '../../domain/observation/sample.ts'
import { type GpuStatus, type Overview, otherUseOf, type View } from '../../domain/observation/status.ts'
import type { Booked } from '../../domain/pool/bookings.ts'
import type { Reservation, Term, TermKind } from '../../domain/pool/model.ts'
import { gpuNumber } from '../../domain/pool/units.ts'
import { modelOf } from '../../domain/text/ai-model.ts'
import type { ReservationType, StaleDocument, StatusDocument } from '../schemas/status.ts'
import { faultWords } from '../words/faults.ts'
import { detailsOf } from '../words/status/details.ts'
import { STATES } from '../words/status/states.ts'
import { validationOf } from '../words/status/validation.ts'
import { drainDocument } from './drain-document.ts'

export function statusDocument({ gpus, view, stale }: Overview): readonly StatusDocument[] {
  const marked = stale === undefined ? {} : { stale: staleDocument(stale) }
  return gpus.map((status) => ({ ...gpuDocument(status, view), ...marked }))
}

export const staleDocument = ({ failure, since }: StaleReadings): StaleDocument => ({
  reason: failure.message,
  reason_code: failure.code,
  since: timestamp(since),
})

function gpuDocument(status: GpuStatus, view: View): StatusDocument {
  const { unit, booked } = status
  const { id, device, lastUse, drain } = unit
  return definedOnly({
    gpu_id: gpuNumber(id),
    status: STATES[status.kind].json,
    gpu_model: device.name,
    model: modelOf(status),
    ...(status.kind === 'reserved' ? reservationFields(status.reservation, view.now) : {}),
    last_released: lastUse === undefined ? undefined : timestamp(lastUse.endedAt),
    ...useFields(status.use),
    unreserved_users: status.kind === 'unreserved' ? usersOf(status.use) : undefined,
    other_users: otherUsers(status),
    drain: drain === undefined ? undefined : drainDocument(drain),
    booked: booked === undefined ? undefined : nextBooking(booked),
    details: detailsOf(status, view.now),
    validation: validationOf(status, view.thresholdMb),
  })
}

const nextBooking = ({ id, by, from, until }: Booked) => ({
  ...{ booking: id, user: by, from: timestamp(from), until: timestamp(until) },
})

function otherUsers(status: GpuStatus): readonly string[] | undefined {
  const { users } = otherUseOf(status)
  return users.length === 0 ? undefined : users
}

function reservationFields({ owner, note, startedAt, term }: Reservation, now: number) {
  return {
    user: owner.shownName,
    account: owner.account.name,
    type: typeOf(term.kind),
    note,
    duration_seconds: Math.max(0, Math.floor((now - startedAt) / 1000)),
    started_at: timestamp(startedAt),
    last_heartbeat: term.kind === 'run' ? timestamp(term.heartbeatAt) : undefined,
    expiry_time: expiryOf(term),
  }
}

export function typeOf(term: TermKind): ReservationType {
  switch (term) {
    case 'run':
      return 'RUN'
    case 'booking':
      return 'BOOKING'
    case 'manual':
    case 'maintenance':
      return 'MANUAL'
  }
}

/** The latest end of the term; undefined if it has none. */
export function expiryOf(term: Term): string | undefined {
  const end = endOf(term)
  return end === undefined ? undefined : timestamp(end)
}

function endOf(term: Term): number | undefined {
  switch (term.kind) {
    case 'run':
      return term.limit?.interruptAt
    case 'manual':
      return term.expiresAt
    case 'booking':
    case 'maintenance':
      return term.until
  }
}

function useFields(use: UnitUse) {
  if (use.kind === 'fault') return faultFields(use)
  return {
    memory_used_mb: use.memoryUsedMb,
    memory_total_mb: use.memoryTotalMb,
    utilization_percent: use.utilizationPercent,
    temperature_c: use.temperatureC,
    power_w: use.powerW,
    processes: use.processes.map((process) =>
      definedOnly({
        pid: process.pid,
        name: process.name,
        user: process.user,
        memory_mb: process.memoryMb,
      }),
    ),
  }
}

/** The text of a fault for people, and its code for programs. */
export function faultFields(fault: UnitFault): Pick<StatusDocument, 'error' | 'reason'> {
  return { error: faultWords(fault), reason: { code: fault.code } }
}

/** RFC 3339, UTC. */
export const timestamp = (ms: number): string => new Date(ms).toISOString()

type DefinedOnly<T> = { [Key in keyof T]: Exclude<T[Key], undefined> }

/** Removes undefined fields, in the value and in its type. */
export function definedOnly<T extends object>(value: T): DefinedOnly<T> {
  return Object.fromEntries(Object.entries(value).filter(([, each]) => each !== undefined)) as DefinedOnly<T>
}
