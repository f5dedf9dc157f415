import type { Reservation, Unit, UnitId, UsageRecord } from '../../src/domain/pool/model.ts'
import { unitsOf } from '../../src/domain/pool/units.ts'
import { apparentAge, type Instant } from './frame.ts'
import { type Audit, type Held, isRoot, near, sightOf } from './truth.ts'

const STALE = 15 * 60_000

/** I4, I6 and I10 at the end of holds: one record each, with a true reason and the true length. */
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
    audit.report('I4', () => `${removals} holds ended with ${ended.length} usage records: ${words(ended)}`)
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
    const broken = record.outcome === 'expired' ? 'I10' : 'I6'
    report(broken, () => `GPU ${unit} of ${held.id} was ended as ${record.outcome} without a reason`)
    return
  }
  const expected = Math.max(0, apparentAge(held.start, end))
  if (record.endedAt < record.startedAt) report('I10', () => `a negative duration: ${words(ended)}`)
  if (!near(record.endedAt - record.startedAt, expected)) {
    report(
      'I4',
      () => `held for ${expected} ms, recorded ${record.endedAt - record.startedAt}: ${words(ended)}`,
    )
  }
  if (end === now && record.endedAt !== Math.max(moment.wall, record.startedAt)) {
    report('I4', () => `ended now, recorded otherwise: ${words(ended)}`)
  }
  const { intent } = held
  if (
    record.owner.account.uid !== intent.owner.account.uid ||
    record.owner.shownName !== intent.owner.shownName ||
    record.term !== intent.term.kind
  ) {
    report('I4', () => `recorded for another holder: ${words(ended)}`)
  }
  audit.truth.released.set(unit, {
    instant: { ...end, at: Math.max(end.at, held.start.at) },
    uid: intent.owner.account.uid,
  })
}

/** The true end of the hold, if the outcome is true; null where it is not. */
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
      // Wall-clock times and scheduler times are summed in different orders, so fractions differ.
      return expiry !== undefined && apparentAge(expiry, now) > -0.5 ? expiry : null
    }
    case 'timed-out':
      if (term.kind !== 'run' || held.holder.isAlive || term.timeout === undefined) return null
      // A supervisor uses steady time, however the times in the pool changed.
      return Math.max(apparentAge(held.start, now), now.at - held.start.at) >= term.timeout.after - 2_000
        ? now
        : null
    case 'exited':
      return term.kind === 'run' && !held.holder.isAlive ? now : null
    case 'vanished': {
      if (term.kind !== 'run') return null
      const rebooted = held.holder.boot !== truth.machine.boots
      const isUnknown = sightOf(process, held.holder) === 'unknown'
      const age = Math.max(0, apparentAge(held.beat, audit.beatNow))
      const isStale = isUnknown && age > STALE && !isTended(held)
      return rebooted || isStale ? { at: now.at - age, drift: now.drift } : null
    }
  }
}

/** Whether its supervisor can send heartbeats. */
function isTended({ holder, supervisor, beat }: Held): boolean {
  const { trouble, troubledUntil } = holder.machine.stored
  const isReachable = trouble.before + trouble.after === 0 && troubledUntil < beat.at
  return holder.isAlive && isReachable && supervisor?.state === 'running' && !supervisor.wasStopped
}

function mayRelease({ process }: Audit, held: Held, unit: UnitId): boolean {
  const { purpose } = process
  if (purpose.kind === 'acquire') return purpose.intent.id === held.id
  if (purpose.kind !== 'release') return false
  const own = purpose.account.uid === held.intent.owner.account.uid
  if (purpose.units === undefined) return own && held.intent.term.kind === 'manual'
  return purpose.units.includes(unit) && (own || isRoot(purpose.account.uid))
}

/** The next choice of units depends on the last user of each unit, and the time. */
function auditLastUse({ truth, moment, now, report }: Audit, { id, lastUse }: Unit): void {
  const book = truth.released.get(id)
  if (lastUse === undefined || book === undefined) {
    if (lastUse !== undefined || book !== undefined)
      report('I9', () => `GPU ${id}: one side has a last use, the other none`)
    return
  }
  if (lastUse.uid !== book.uid) report('I9', () => `GPU ${id} was released by another than ${lastUse.uid}`)
  const age = moment.wall - lastUse.endedAt
  if (!near(age, apparentAge(book.instant, now)) && truth.frame.isExact) {
    report('I10', () => `GPU ${id} seems released ${age} ms ago, which is wrong`)
  }
}

const words = (records: readonly UsageRecord[]): string => JSON.stringify(records)
