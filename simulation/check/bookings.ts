import type { Overview } from '../../src/domain/observation/status.ts'
import type { Booking, Pool, Probe, Reservation, UnitId } from '../../src/domain/pool/model.ts'
import { unitsOf } from '../../src/domain/pool/units.ts'
import type { Process } from '../system/process.ts'
import { bookingsIn, endOf, limitOf } from './booked-times.ts'
import { apparentAge } from './frame.ts'
import { mostFor, peakOf } from './limits.ts'
import { auditBooking } from './order.ts'
import { sizeOf, wants } from './requests.ts'
import { isShownFree, unitIn } from './shown.ts'
import {
  type Audit,
  type Booked,
  type Held,
  isRoot,
  near,
  type Report,
  type Truth,
  Violation,
} from './truth.ts'

const DEFAULT_AHEAD = 7 * 86_400_000

/** I11: a booking is accepted only if it can be kept, stays as it is, and leaves the pool only for a true reason. */
export function auditBookings(audit: Audit): void {
  const { after, truth, report } = audit
  const left = new Map(bookingsIn(after).map((booking) => [booking.id, booking]))
  for (const booking of left.values()) {
    const booked = truth.booked.get(booking.id)
    if (booked === undefined) auditAccepted(audit, booking)
    else if (!isUnchanged(audit, booked, booking)) {
      report('I11', () => `booking ${booking.id} changed: ${JSON.stringify(booking)}`)
    }
    auditPlan(audit, booking)
  }
  for (const [id, booked] of truth.booked) {
    if (left.has(id)) continue
    truth.booked.delete(id)
    if (!mayLeave(audit, id, booked)) report('I11', () => `booking ${id} was lost`)
  }
}

function auditAccepted(audit: Audit, booking: Booking): void {
  const { process, after, truth, now, moment, report } = audit
  const { id, term, request } = booking
  const { purpose } = process
  if (purpose.kind !== 'book' || purpose.intent.id !== id) {
    report('I11', () => `${id} was booked without a request`)
    return
  }
  if (truth.known.has(id)) report('I11', () => `${id} was booked after it had begun`)
  const { intent } = purpose
  const { account } = intent.owner
  const { from, until } = term
  truth.booked.set(id, {
    intent,
    from: { ...now, at: now.at + from - moment.wall },
    until: { ...now, at: now.at + until - moment.wall },
  })
  const value = (key: string) => limitOf(after.policy, key, account.uid)
  const isRight =
    from === intent.term.from &&
    near(until - from, intent.term.duration) &&
    JSON.stringify(request) === JSON.stringify(intent.request)
  if (!isRight) report('I11', () => `${JSON.stringify(intent)} was booked as ${JSON.stringify(booking)}`)
  if (value('bookings') !== 1) report('limit', () => `${account.name} booked ${id} where bookings are off`)
  const isInTime = from >= moment.wall && from - moment.wall <= (value('max-booked-ahead') ?? DEFAULT_AHEAD)
  if (!isInTime) report('limit', () => `${id} was booked ${from - moment.wall} ms ahead`)
  if (until - from > (value('max-duration') ?? Number.POSITIVE_INFINITY)) {
    report('limit', () => `${id} was booked for ${until - from} ms`)
  }
  const peak = peakOf(after, account, { wall: moment.wall, from, until })
  if (peak > mostFor(after.policy, account)) report('limit', () => `${id} gives ${account.name} ${peak} GPUs`)
  for (const unit of unitsOf(booking)) {
    const isHeld = after.reservations.some((held) => unitsOf(held).includes(unit))
    if (!isHeld && !mayBeFreeLater(audit, unit))
      report('I3', () => `${id} counts on GPU ${unit}, which is not free`)
  }
  auditBooking(audit)
}

/** A GPU that was released just now may still show the use of its last holder. */
function mayBeFreeLater({ after, process, moment }: Audit, unit: UnitId): boolean {
  const { drain, lastUse } = unitIn(after, unit) ?? {}
  const isJustReleased = lastUse !== undefined && moment.wall - lastUse.endedAt < 10_000
  return drain === undefined && (isJustReleased || isShownFree(after, unit, process.lastProbe))
}

function isUnchanged(
  { moment, now }: Audit,
  { intent, from, until }: Booked,
  { term, owner, request }: Booking,
): boolean {
  return (
    near(term.from - moment.wall, -apparentAge(from, now)) &&
    near(term.until - moment.wall, -apparentAge(until, now)) &&
    owner.account.uid === intent.owner.account.uid &&
    JSON.stringify(request) === JSON.stringify(intent.request)
  )
}

/**
 * The planned units prove that the booking can be kept: each of them is in service and suits it, no other booking has it
 * at that time, and its holder ends before. A holder that missed its end is no proof against the booking.
 */
function auditPlan({ after, moment, report }: Audit, booking: Booking): void {
  const { id, request, term } = booking
  const units = unitsOf(booking)
  const broken = (why: string) => report('I11', () => `booking ${id} has GPU ${units.join()}, ${why}`)
  if (units.length !== sizeOf(request) || new Set(units).size < units.length)
    broken('not as many as requested')
  for (const unit of units) {
    const found = unitIn(after, unit)
    if (found === undefined || !wants(request, found)) broken(`of which ${unit} does not suit it`)
    if (found?.drain !== undefined) broken(`of which ${unit} is drained`)
    const other = bookingsIn(after).find(
      (each) => each.id !== id && overlap(each, booking) && unitsOf(each).includes(unit),
    )
    if (other !== undefined) broken(`of which ${other.id} has ${unit} too`)
    const holder = after.reservations.find((held) => unitsOf(held).includes(unit))
    const end = holder === undefined ? moment.wall : endOf(holder)
    if (end > term.from && end > moment.wall) broken(`of which ${holder?.id} has ${unit} until ${end}`)
  }
}

const overlap = (a: Booking, b: Booking): boolean => a.term.from < b.term.until && b.term.from < a.term.until

function mayLeave({ process, after, now }: Audit, id: string, { intent, from, until }: Booked): boolean {
  const { purpose } = process
  if (after.reservations.some((held) => held.id === id)) return apparentAge(from, now) > -0.5
  if (apparentAge(until, now) > -0.5) return true
  if (purpose.kind === 'set-up') return purpose.force
  if (purpose.kind !== 'cancel' || purpose.id !== id) return false
  return purpose.account.uid === intent.owner.account.uid || isRoot(purpose.account.uid)
}

/** I2, I3, I10 and I11 when a booking begins. */
export function auditBegin(audit: Audit, reservation: Reservation): void {
  const { before, process, after, truth, now, moment, report } = audit
  const { id, owner, startedAt, term } = reservation
  const booking = bookingsIn(before ?? after).find((each) => each.id === id)
  if (booking === undefined || truth.known.has(id) || term.kind !== 'booking') {
    report('I11', () => `${id} began without a booking, or twice`)
    return
  }
  const units = unitsOf(reservation)
  const until = { ...now, at: now.at + term.until - moment.wall }
  const { groups: _, bookedAt: __, holdings: ___, ...intent } = booking
  const held: Held = {
    ...{ id, holder: process, units, start: now, expiry: until, beat: audit.beatNow },
    intent: { ...intent, term: { kind: 'booking', from: term.from, duration: term.until - term.from } },
    uuids: units.map((unit) => unitIn(after, unit)?.device.uuid ?? ''),
    ...{ limit: undefined, supervisor: undefined },
  }
  truth.held.set(id, held)
  truth.known.set(id, held)
  if (startedAt !== moment.wall) report('I10', () => `${id} did not begin now`)
  const suits = (unit: UnitId) => after.units.some((each) => each.id === unit && wants(booking.request, each))
  if (units.length !== sizeOf(booking.request) || !units.every(suits)) {
    report('I2', () => `${id} booked ${JSON.stringify(booking.request)}, and has ${units.join()}`)
  }
  for (const unit of units) {
    if (!isShownFree(after, unit, process.lastProbe, owner.account.uid)) {
      report('I3', () => `booking ${id} began on GPU ${unit}, which no probe showed idle`)
    }
  }
}

/** I11: no request gets a GPU that a due booking still needs. */
export function auditOvertaking({ after, moment, process, report }: Audit, granted: Reservation): void {
  for (const booking of bookingsIn(after)) {
    if (booking.term.from > moment.wall) continue
    const isMissing = unitsOf(booking).some(
      (unit) => !isUsable(after, unit, { booking, probe: process.lastProbe }),
    )
    const isForOther = (unit: UnitId) =>
      bookingsIn(after).some(
        (each) => each !== booking && overlap(each, booking) && unitsOf(each).includes(unit),
      )
    for (const unit of unitsOf(granted)) {
      const found = unitIn(after, unit)
      const suits = found !== undefined && wants(booking.request, found)
      const isFree = isShownFree(after, unit, process.lastProbe, booking.owner.account.uid)
      if (isMissing && suits && isFree && !isForOther(unit)) {
        report('I11', () => `${granted.id} gets GPU ${unit}, which booking ${booking.id} waits for`)
      }
    }
  }
}

interface Wanting {
  readonly booking: Booking
  readonly probe: Probe | undefined
}

const isUsable = (pool: Pool, unit: UnitId, { booking, probe }: Wanting): boolean =>
  !pool.reservations.some((held) => unitsOf(held).includes(unit)) &&
  isShownFree(pool, unit, probe, booking.owner.account.uid)

/** I11: `status` begins a due booking whose GPUs its probe shows idle. */
export function auditDue(truth: Truth, process: Process, overview: Overview, report: Report): void {
  const { clockSetAt, stored } = truth.machine
  // Without a connection to the store `status` shows what it has read.
  const isConnected =
    stored.faults.before + stored.faults.after === 0 && stored.faultyUntil < process.startedAt
  if (overview.driverFailure !== undefined || clockSetAt >= process.startedAt || !isConnected) return
  const { pool } = overview
  for (const booking of bookingsIn(pool)) {
    const booked = truth.booked.get(booking.id)
    const isDue =
      booked !== undefined && apparentAge(booked.from, { ...truth.now(process), at: process.startedAt }) > 0
    const isFree = unitsOf(booking).every((unit) =>
      isUsable(pool, unit, { booking, probe: process.lastProbe }),
    )
    if (isDue && isFree && !isLimited(pool, booking)) {
      report(new Violation('I11', `status of ${process.name} did not begin booking ${booking.id}`))
    }
  }
}

/** A reservation of the account that missed its end may keep the booking from beginning. */
const isLimited = (pool: Pool, { owner, request }: Booking): boolean =>
  pool.reservations.filter((held) => held.owner.account.uid === owner.account.uid).flatMap(unitsOf).length +
    sizeOf(request) >
  mostFor(pool.policy, owner.account)
