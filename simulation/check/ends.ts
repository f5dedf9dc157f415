import type { Reservation, UsageRecord } from '../../src/domain/pool/model.ts'
import { type Audit, type Held, isRoot, near, sightOf } from './books.ts'
import { apparentAge, type Instant } from './frame.ts'

const STALE = 15 * 60_000

/** I4, I6 and I10 at the end of holds: one record each, for a true reason, with the true length. */
export function auditEnds(audit: Audit): void {
  const { books, ended, after } = audit
  let removals = 0
  for (const held of books.held.values()) {
    const stays = reservationIn(audit, held.id)?.gpus ?? []
    const lost = held.gpus.filter((gpu) => !stays.includes(gpu))
    removals += lost.length
    for (const gpu of lost) auditEnd(audit, held, gpu)
    if (lost.length > 0) held.gpus = held.gpus.filter((gpu) => !lost.includes(gpu))
    if (held.gpus.length === 0) books.held.delete(held.id)
  }
  if (removals !== ended.length) {
    audit.report('I4', () => `${removals} holds ended with ${ended.length} usage records: ${words(ended)}`)
  }
  for (const record of ended) books.records.push(record)
  if (audit.process.errand.kind === 'set-up') books.released.clear()
  for (const gpu of after.gpus) auditRelease(audit, gpu.id)
}

export function reservationIn({ after }: Audit, id: string): Reservation | undefined {
  return after.reservations.find((reservation) => reservation.id === id)
}

function auditEnd(audit: Audit, held: Held, gpu: number): void {
  const { ended, moment, now, report } = audit
  const records = ended.filter((record) => record.reservation === held.id && record.gpu === gpu)
  const [record] = records
  if (record === undefined || records.length > 1) {
    report('I4', () => `GPU ${gpu} of ${held.id} ended with ${records.length} usage records`)
    return
  }
  const end = trueEnd(audit, held, record)
  if (end === null) {
    const broken = record.outcome === 'expired' ? 'I10' : 'I6'
    report(broken, () => `GPU ${gpu} of ${held.id} was ended as ${record.outcome} without a reason`)
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
    record.account.uid !== intent.account.uid ||
    record.user !== intent.user ||
    record.kind !== intent.hold.kind
  ) {
    report('I4', () => `recorded for somebody else: ${words(ended)}`)
  }
  audit.books.released.set(gpu, {
    instant: { ...end, at: Math.max(end.at, held.start.at) },
    uid: intent.account.uid,
  })
}

/** When the hold ended in truth, if the outcome is true; null where it is not. */
function trueEnd(audit: Audit, held: Held, record: UsageRecord): Instant | null {
  const { process, now, books } = audit
  const { errand } = process
  const { hold } = held.intent
  switch (record.outcome) {
    case 'released':
      return mayRelease(audit, held, record.gpu) ? now : null
    case 'reset':
      return errand.kind === 'set-up' && errand.force ? now : null
    case 'expired': {
      const { expiry } = held
      // Times of the wall clock and of the scheduler are added up in another order: fractions differ.
      return expiry !== undefined && apparentAge(expiry, now) > -0.5 ? expiry : null
    }
    case 'timed-out':
      if (hold.kind !== 'run' || held.holder.isAlive || hold.timeout === undefined) return null
      // A supervisor goes by steady time, whatever became of the times in the pool.
      return Math.max(apparentAge(held.start, now), now.at - held.start.at) >= hold.timeout.after - 2_000
        ? now
        : null
    case 'exited':
      return hold.kind === 'run' && !held.holder.isAlive ? now : null
    case 'vanished': {
      if (hold.kind !== 'run') return null
      const rebooted = held.holder.boot !== books.machine.boots
      const isUnknown = sightOf(process, held.holder) === 'unknown'
      const age = Math.max(0, apparentAge(held.beat, audit.beatNow))
      const isStale = isUnknown && age > STALE && !isTended(held)
      return rebooted || isStale ? { at: now.at - age, drift: now.drift } : null
    }
  }
}

/** Whether nothing keeps its supervisor from sending heartbeats. */
function isTended({ holder, supervisor, beat }: Held): boolean {
  const { trouble, troubledUntil } = holder.machine.stored
  const isReachable = trouble.before + trouble.after === 0 && troubledUntil < beat.at
  return holder.isAlive && isReachable && supervisor?.state === 'running' && !supervisor.wasStopped
}

function mayRelease({ process }: Audit, held: Held, gpu: number): boolean {
  const { errand } = process
  if (errand.kind === 'acquire') return errand.intent.id === held.id
  if (errand.kind !== 'release') return false
  const own = errand.account.uid === held.intent.account.uid
  if (errand.gpus === undefined) return own && held.intent.hold.kind === 'manual'
  return errand.gpus.includes(gpu) && (own || isRoot(errand.account.uid))
}

/** Who used a GPU last, and when, is what the next choice of GPUs goes by. */
function auditRelease({ after, books, moment, now, report }: Audit, id: number): void {
  const gpu = after.gpus[id]
  const releasedAt = gpu?.releasedAt
  const book = books.released.get(id)
  if (gpu === undefined) return
  if (releasedAt === undefined || book === undefined) {
    if (releasedAt !== undefined || book !== undefined) report('I9', () => `GPU ${id}: used or not?`)
    return
  }
  if (gpu.releasedBy !== book.uid)
    report('I9', () => `GPU ${id} was released by another than ${gpu.releasedBy}`)
  if (!near(moment.wall - releasedAt, apparentAge(book.instant, now)) && books.frame.isExact) {
    report('I10', () => `GPU ${id} seems released ${moment.wall - releasedAt} ms ago, not as it was`)
  }
}

const words = (records: readonly UsageRecord[]): string => JSON.stringify(records)
