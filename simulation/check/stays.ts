import type { Reservation } from '../../src/domain/pool/model.ts'
import { type Audit, type Held, near } from './books.ts'
import { apparentAge } from './frame.ts'

/** I10 and I6 for what goes on: no time in it moved by itself, and nobody else touched it. */
export function auditStay(audit: Audit, held: Held, reservation: Reservation): void {
  const { moment, now, beatNow, report, process } = audit
  const off = (what: string) =>
    report('I10', () => `${what} of ${held.id} moved: ${JSON.stringify(reservation)}`)
  if (!near(moment.wall - reservation.startedAt, apparentAge(held.start, now))) off('the start')
  if (reservation.account.uid !== held.intent.account.uid || reservation.kind !== held.intent.hold.kind) {
    report('I6', () => `${held.id} changed its holder`)
  }
  if (reservation.kind === 'manual') {
    auditExpiry(audit, held, reservation.expiresAt)
    return
  }
  if (reservation.process.pid !== held.holder.pid) report('I6', () => `${held.id} changed its process`)
  if (!near(moment.wall - reservation.heartbeatAt, apparentAge(held.beat, beatNow))) {
    const { errand } = process
    const own = errand.kind === 'supervise' && errand.reservation === held.id
    const isFromFuture = apparentAge(held.beat, beatNow) < -1_000
    if ((!own && !isFromFuture) || reservation.heartbeatAt !== moment.wall) off('the heartbeat')
    held.beat = beatNow
  }
  const limit = held.intent.hold.kind === 'run' ? held.intent.hold.timeout : undefined
  const interrupt = reservation.timeLimit?.interruptAt
  const expected = limit === undefined ? undefined : reservation.startedAt + limit.after
  if (interrupt !== expected) off('the time limit')
  const grace = (reservation.timeLimit?.killAt ?? 0) - (interrupt ?? 0)
  if (grace !== (limit?.grace ?? 0)) off('the time to be killed')
}

function auditExpiry(audit: Audit, held: Held, expiresAt: number): void {
  const { expiry } = held
  const { process, moment, now, report } = audit
  if (expiry === undefined) return
  const { errand } = process
  const left = expiresAt - moment.wall
  if (near(left, -apparentAge(expiry, now))) return
  const mayExtend =
    errand.kind === 'extend' &&
    errand.account.uid === held.intent.account.uid &&
    (errand.gpus === undefined || errand.gpus.some((gpu) => held.gpus.includes(gpu)))
  const extended = { ...expiry, at: expiry.at + (errand.kind === 'extend' ? errand.by : 0) }
  if (mayExtend && near(left, -apparentAge(extended, now))) held.expiry = extended
  else report('I10', () => `${held.id} has ${left} ms left instead of ${-apparentAge(expiry, now)}`)
}
