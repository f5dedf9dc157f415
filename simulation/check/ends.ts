import type { Reservation, Unit, UnitId, UsageRecord } from '../../src/domain/pool/model.ts'
import { unitsOf } from '../../src/domain/pool/units.ts'
import { apparentAge, type Instant } from './frame.ts'
import { isShownUnused } from './shown.ts'
import { type Audit, type Held, isRoot, livenessFor, near } from './truth.ts'

const STALE = 15 * 60_000
const UNUSED_AFTER = 30 * 60_000

/** I4, I6 and I10: each end of a hold has one record, with the true outcome and the true length. */
export function auditEnds(audit: Audit): void {
  const { truth, ended, after } = audit
  let removals = 0
  for (const held of truth.held.values()) {
    const reservation = reservationIn(audit, held.id)
    const stays = reservation === undefined ? [] : unitsOf(reservation)
    const lost = held.units.filter((unit) => !stays.includes(unit))
    removals += lost.length
    for (const unit of lost) auditEnd(audit, held, unit)
    if (lost.length > 0) held.units = held.units.filter((unit) => !lost.includes(unit))
    if (held.units.length === 0) truth.held.delete(held.id)
  }
  if (removals !== ended.length) {
    audit.report('I4', () => `${removals} holds ended with ${ended.length} usage records: ${textOf(ended)}`)
  }
  for (const record of ended) truth.records.push(record)
  if (audit.process.purpose.kind === 'set-up') truth.released.clear()
  for (const unit of after.units) auditLastUse(audit, unit)
}

export function reservationIn({ after }: Audit, id: string): Reservation | undefined {
  return after.reservations.find((reservation) => reservation.id === id)
}

function auditEnd(audit: Audit, held: Held, unit: UnitId): void {
  const { ended, moment, now, report } = audit
  const records = ended.filter((record) => record.reservation === held.id && record.unit === unit)
  const [record] = records
  if (record === undefined || records.length > 1) {
    report('I4', () => `GPU ${unit} of ${held.id} ended with ${records.length} usage records`)
    return
  }
  const end = trueEnd(audit, held, record)
  if (end === null) {
    const rule = record.outcome === 'expired' ? 'I10' : 'I6'
    report(rule, () => `GPU ${unit} of ${held.id} was ended as ${record.outcome} without a reason`)
    return
  }
  const expected = Math.max(0, apparentAge(held.start, end))
  if (record.endedAt < record.startedAt) report('I10', () => `a negative duration: ${textOf(ended)}`)
  if (!near(record.endedAt - record.startedAt, expected)) {
    report(
      'I4',
      () => `held for ${expected} ms, recorded ${record.endedAt - record.startedAt}: ${textOf(ended)}`,
    )
  }
  if (end === now && record.endedAt !== Math.max(moment.wall, record.startedAt)) {
    report('I4', () => `ended now, recorded otherwise: ${textOf(ended)}`)
  }
  const { intent } = held
  if (
    record.owner.account.uid !== intent.owner.account.uid ||
    record.owner.shownName !== intent.owner.shownName ||
    record.term !== intent.term.kind
  ) {
    report('I4', () => `recorded for another holder: ${textOf(ended)}`)
  }
  audit.truth.released.set(unit, {
    instant: { ...end, at: Math.max(end.at, held.start.at) },
    uid: intent.owner.account.uid,
  })
}

/** The true end of the hold; null if the recorded outcome is not true. */
function trueEnd(audit: Audit, held: Held, record: UsageRecord): Instant | null {
  const { process, now, truth } = audit
  const { purpose } = process
  const { term } = held.intent
  switch (record.outcome) {
    case 'released':
      return mayRelease(audit, held, record.unit) ? now : null
    case 'reset':
      return purpose.kind === 'set-up' && purpose.force ? now : null
    case 'expired': {
      const { expiry } = held
      // Wall times and scheduler times are added up in different orders, so fractions of a millisecond differ.
      return expiry !== undefined && apparentAge(expiry, now) > -0.5 ? expiry : null
    }
    case 'timed-out':
      if (term.kind !== 'run' || held.holder.isAlive || held.limit === undefined) return null
      // A supervisor uses steady time, whatever happened to the times in the pool.
      return Math.max(apparentAge(held.start, now), now.at - held.start.at) >= held.limit.after - 2_000
        ? now
        : null
    case 'exited':
      return term.kind === 'run' && !held.holder.isAlive ? now : null
    case 'unused':
      return isUnused(audit, held) ? now : null
    case 'vanished': {
      if (term.kind !== 'run') return null
      const rebooted = held.holder.boot !== truth.machine.boots
      const isUnknown = livenessFor(process, held.holder) === 'unknown'
      const age = Math.max(0, apparentAge(held.beat, audit.beatNow))
      const isStale = isUnknown && age > STALE && !isTended(held)
      return rebooted || isStale ? { at: now.at - age, drift: now.drift } : null
    }
  }
}

/** A booking that began half an hour ago, no use of which was noted, and whose GPUs the last probe shows idle. */
function isUnused({ before, process, now }: Audit, held: Held): boolean {
  const reservation = before?.reservations.find(({ id }) => id === held.id)
  if (before === null || reservation?.term.kind !== 'booking' || reservation.term.usedAt !== undefined)
    return false
  const isOld = apparentAge(held.start, now) > UNUSED_AFTER - 0.5
  return isOld && held.units.every((unit) => isShownUnused(before, unit, process.lastProbe))
}

/** Whether its supervisor can send heartbeats. */
function isTended({ holder, supervisor, beat }: Held): boolean {
  const { faults, faultyUntil } = holder.machine.stored
  const isReachable = faults.before + faults.after === 0 && faultyUntil < beat.at
  return holder.isAlive && isReachable && supervisor?.state === 'running' && !supervisor.wasStopped
}

function mayRelease({ process }: Audit, held: Held, unit: UnitId): boolean {
  const { purpose } = process
  if (purpose.kind === 'acquire') return purpose.intent.id === held.id
  if (purpose.kind === 'cancel') return purpose.id === held.id
  if (purpose.kind !== 'release') return false
  const own = purpose.account.uid === held.intent.owner.account.uid
  if (purpose.units === undefined) return own && held.intent.term.kind !== 'run'
  return purpose.units.includes(unit) && (own || isRoot(purpose.account.uid))
}

/** I9 and I10: the last user of each unit, and the time. The next choice of units depends on them. */
function auditLastUse({ truth, moment, now, report }: Audit, { id, lastUse }: Unit): void {
  const released = truth.released.get(id)
  if (lastUse === undefined || released === undefined) {
    if (lastUse !== undefined || released !== undefined)
      report('I9', () => `GPU ${id} has a last use in the pool or in truth, and not in the other`)
    return
  }
  if (lastUse.uid !== released.uid)
    report('I9', () => `GPU ${id} was last used by uid ${released.uid}, recorded as uid ${lastUse.uid}`)
  const age = moment.wall - lastUse.endedAt
  if (!near(age, apparentAge(released.instant, now)) && truth.frame.isExact) {
    report('I10', () => `GPU ${id} appears to be released ${age} ms ago, which is wrong`)
  }
}

const textOf = (records: readonly UsageRecord[]): string => JSON.stringify(records)
