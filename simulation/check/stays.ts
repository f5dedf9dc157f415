import type { Reservation } from '../../src/domain/pool/model.ts'
import { apparentAge } from './frame.ts'
import { type Audit, type Held, near } from './truth.ts'

/** I10 and I6 for reservations that continue: all times are unchanged, and only their own processes changed them. */
export function auditStay(audit: Audit, held: Held, reservation: Reservation): void {
  const { moment, now, beatNow, report, process } = audit
  const { owner, term } = reservation
  const { intent } = held
  const changed = (what: string) =>
    report('I10', () => `${what} of ${held.id} changed: ${JSON.stringify(reservation)}`)
  if (!near(moment.wall - reservation.startedAt, apparentAge(held.start, now))) changed('the start')
  if (owner.account.uid !== intent.owner.account.uid || term.kind !== intent.term.kind) {
    report('I6', () => `${held.id} changed its holder`)
  }
  if (term.kind === 'manual') auditExpiry(audit, held, term.expiresAt)
  if (term.kind === 'booking') auditExpiry(audit, held, term.until)
  if (term.kind !== 'run') return
  if (term.process.pid !== held.holder.pid) report('I6', () => `${held.id} changed its process`)
  if (!near(moment.wall - term.heartbeatAt, apparentAge(held.beat, beatNow))) {
    const { purpose } = process
    const own = purpose.kind === 'supervise' && purpose.reservation === held.id
    const isFromFuture = apparentAge(held.beat, beatNow) < -1_000
    if ((!own && !isFromFuture) || term.heartbeatAt !== moment.wall) changed('the heartbeat')
    held.beat = beatNow
  }
  const { limit } = held
  const interrupt = term.limit?.interruptAt
  const expected = limit === undefined ? undefined : reservation.startedAt + limit.after
  if (!near(interrupt ?? 0, expected ?? 0)) changed('the time limit')
  const grace = (term.limit?.killAt ?? 0) - (interrupt ?? 0)
  if (!near(grace, limit?.grace ?? 0)) changed('the grace period')
}

function auditExpiry(audit: Audit, held: Held, expiresAt: number): void {
  const { expiry } = held
  const { process, moment, now, report } = audit
  if (expiry === undefined) return
  const { purpose } = process
  const left = expiresAt - moment.wall
  if (near(left, -apparentAge(expiry, now))) return
  const mayExtend =
    purpose.kind === 'extend' &&
    purpose.account.uid === held.intent.owner.account.uid &&
    (purpose.units === undefined || purpose.units.some((unit) => held.units.includes(unit)))
  const extended = { ...expiry, at: expiry.at + (purpose.kind === 'extend' ? purpose.by : 0) }
  if (mayExtend && near(left, -apparentAge(extended, now))) held.expiry = extended
  else report('I10', () => `${held.id} has ${left} ms left instead of ${-apparentAge(expiry, now)}`)
}
