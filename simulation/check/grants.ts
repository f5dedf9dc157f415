import type { Reservation, UnitId } from '../../src/domain/pool/model.ts'
import { unitsOf } from '../../src/domain/pool/units.ts'
import { defaultHold } from './booked-times.ts'
import { auditBegin, auditOvertaking } from './bookings.ts'
import { auditLimit } from './limits.ts'
import { auditOrder } from './order.ts'
import { auditChoice } from './recency.ts'
import { wants } from './requests.ts'
import { isShownFree, readingOf, unitIn } from './shown.ts'
import { type Audit, type Held, near } from './truth.ts'

/** I2, I3, I5 and I9 at a grant. */
export function auditGrant(audit: Audit, reservation: Reservation): void {
  const { process, after, truth, now, moment, report } = audit
  const { purpose } = process
  if (reservation.term.kind === 'booking') {
    auditBegin(audit, reservation)
    return
  }
  if (purpose.kind !== 'acquire' || purpose.intent.id !== reservation.id) {
    report('I2', () => `${reservation.id} was granted without a request`)
    return
  }
  if (truth.known.has(reservation.id)) {
    report('I6', () => `${reservation.id} was granted again after its end`)
    return
  }
  const { intent, claim } = purpose
  const { term } = intent
  const units = unitsOf(reservation)
  const held: Held = {
    id: reservation.id,
    intent,
    holder: process,
    uuids: units.map((id) => unitIn(after, id)?.device.uuid ?? ''),
    start: now,
    units,
    expiry: term.kind === 'manual' ? { ...now, at: now.at + term.duration } : undefined,
    limit: limitOf(audit, reservation),
    beat: audit.beatNow,
    supervisor: undefined,
  }
  truth.held.set(held.id, held)
  truth.known.set(held.id, held)
  if (!isWhole(audit, reservation)) {
    report('I2', () => `requested ${JSON.stringify(intent.request)}, granted ${units.join()}`)
  }
  if (reservation.startedAt !== moment.wall) report('I10', () => `${held.id} did not start now`)
  const left = reservation.term.kind === 'manual' ? reservation.term.expiresAt - moment.wall : 0
  if (term.kind === 'manual' && !near(left, term.duration)) {
    report('I10', () => `${held.id} requested ${JSON.stringify(term)} and was granted for ${left} ms`)
  }
  const claimant = claim === 'no' ? undefined : intent.owner.account.uid
  for (const id of units) {
    if (!isShownFree(after, id, process.lastProbe, claimant)) {
      report(
        'I3',
        () =>
          `GPU ${id} was granted with the reading ${JSON.stringify(readingOf(after, id, process.lastProbe))}`,
      )
    }
  }
  const others = after.reservations.filter((each) => each.id !== reservation.id)
  const taken = new Set(others.flatMap(unitsOf))
  const free = after.units
    .map((unit) => unit.id)
    .filter((id) => !taken.has(id) && isShownFree(after, id, process.lastProbe, claimant))
  auditLimit(audit, reservation)
  auditOvertaking(audit, reservation)
  auditOrder(audit, { reservation, others, free })
  auditChoice(audit, reservation, free)
}

/** The time limit of a run: the requested one, the default, or at most the time until a booking needs its GPUs. */
function limitOf(audit: Audit, { term, owner, startedAt }: Reservation): Held['limit'] {
  const { process, after, report } = audit
  const { purpose } = process
  if (purpose.kind !== 'acquire' || purpose.intent.term.kind !== 'run' || term.kind !== 'run')
    return undefined
  const { timeout, untilBooked } = purpose.intent.term
  const granted =
    term.limit === undefined
      ? undefined
      : { after: term.limit.interruptAt - startedAt, grace: term.limit.killAt - term.limit.interruptAt }
  const usual = defaultHold(after.policy, owner.account.uid)
  const whole = timeout === undefined ? usual : timeout.after + timeout.grace
  const hold = granted === undefined ? Number.POSITIVE_INFINITY : granted.after + granted.grace
  const isRight = untilBooked === undefined ? near(hold, whole) || hold === whole : hold > 0
  if (!isRight) report('I6', () => `a run may take ${whole} ms and was granted ${hold} ms`)
  return granted
}

function isWhole({ process, after }: Audit, reservation: Reservation): boolean {
  const { purpose } = process
  if (purpose.kind !== 'acquire') return false
  if (reservation.holdings.some(({ share }) => share.kind !== 'whole')) return false
  const units = unitsOf(reservation)
  if (purpose.claim === 'all') return units.length > 0
  const { request } = purpose.intent
  if (request.kind === 'count') {
    const isWanted = (id: UnitId) => after.units.some((unit) => unit.id === id && wants(request, unit))
    return units.length === request.count && units.every(isWanted)
  }
  return units.length === request.ids.length && request.ids.every((id) => units.includes(id))
}
