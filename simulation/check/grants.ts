import type { Reservation } from '../../src/domain/pool/model.ts'
import { type Audit, type Held, near } from './books.ts'
import { looksFree } from './looks.ts'
import { auditOrder } from './order.ts'
import { auditChoice } from './recency.ts'

/** I2, I3, I5 and I9 at a grant. */
export function auditGrant(audit: Audit, reservation: Reservation): void {
  const { process, after, books, now, moment, report } = audit
  const { errand } = process
  if (errand.kind !== 'acquire' || errand.intent.id !== reservation.id) {
    report('I2', () => `${reservation.id} was granted to somebody who did not ask`)
    return
  }
  if (books.known.has(reservation.id)) {
    report('I6', () => `${reservation.id} came back to life`)
    return
  }
  const { intent, claim } = errand
  const held: Held = {
    id: reservation.id,
    intent,
    holder: process,
    uuids: reservation.gpus.map((id) => after.gpus[id]?.uuid ?? ''),
    start: now,
    gpus: reservation.gpus,
    expiry: intent.hold.kind === 'manual' ? { ...now, at: now.at + intent.hold.duration } : undefined,
    beat: audit.beatNow,
    supervisor: undefined,
  }
  books.held.set(held.id, held)
  books.known.set(held.id, held)
  if (!isWhole(audit, reservation)) {
    report('I2', () => `asked for ${JSON.stringify(intent.request)}, granted ${reservation.gpus.join()}`)
  }
  if (reservation.startedAt !== moment.wall) report('I10', () => `${held.id} did not start now`)
  const left = reservation.kind === 'manual' ? reservation.expiresAt - moment.wall : 0
  if (intent.hold.kind === 'manual' && !near(left, intent.hold.duration)) {
    report('I10', () => `${held.id} was asked for ${JSON.stringify(intent.hold)} and granted for ${left} ms`)
  }
  const claimant = claim === 'no' ? undefined : intent.account.uid
  for (const id of reservation.gpus) {
    if (!looksFree(after, id, process.shown, claimant)) {
      report('I3', () => `GPU ${id} was granted and looked ${JSON.stringify(process.shown?.readings[id])}`)
    }
  }
  const others = after.reservations.filter((each) => each.id !== reservation.id)
  const taken = new Set(others.flatMap((each) => each.gpus))
  const free = after.gpus
    .map((gpu) => gpu.id)
    .filter((id) => !taken.has(id) && looksFree(after, id, process.shown, claimant))
  auditOrder(audit, { reservation, others, free })
  auditChoice(audit, reservation, free)
}

function isWhole({ process }: Audit, { gpus }: Reservation): boolean {
  const { errand } = process
  if (errand.kind !== 'acquire') return false
  if (errand.claim === 'any') return gpus.length > 0
  const { request } = errand.intent
  if (request.kind === 'count') return gpus.length === request.count
  return gpus.length === request.ids.length && request.ids.every((id) => gpus.includes(id))
}
