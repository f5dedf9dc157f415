import type { Pool, QueueEntry } from '../../src/domain/pool/model.ts'
import { unitsOf } from '../../src/domain/pool/units.ts'
import { apparentAge } from './frame.ts'
import { sizeOf, wants } from './requests.ts'
import { isShownFree } from './shown.ts'
import { type Audit, isSurelyStopped, livenessFor, near, type Waiter } from './truth.ts'

const STALE = 15 * 60_000

/** I5, I8 and I10: waiters join at the end of the queue, keep their places, and leave only for a true reason. */
export function auditQueue(audit: Audit): void {
  const { after, truth, report } = audit
  let lastOld = -1
  let isNewcomer = false
  for (const entry of after.queue) {
    if (!isPossible(entry, after))
      report('I8', () => `${entry.id} waits for GPUs that the pool does not have`)
    const waiter = truth.waiting.get(entry.id)
    if (waiter === undefined) {
      isNewcomer = true
      join(audit, entry)
      continue
    }
    const place = audit.before?.queue.findIndex((each) => each.id === entry.id) ?? -1
    // A waiter whose wait has timed out may lose its place and join again, until it notices the timeout.
    const joinsAgain = audit.process === waiter.process && hasTimedOut(audit, waiter)
    if (joinsAgain) {
      isNewcomer = true
      join(audit, entry)
      continue
    }
    if (place < lastOld || isNewcomer) report('I5', () => `${entry.id} changed its place in the queue`)
    lastOld = place
    auditEntry(audit, waiter, entry)
  }
  if (truth.waiting.size === after.queue.length) return
  for (const waiter of truth.waiting.values()) {
    if (after.queue.some((entry) => entry.id === waiter.id)) continue
    truth.waiting.delete(waiter.id)
    if (!mayLeave(audit, waiter)) report('I5', () => `${waiter.id} lost its place in the queue`)
  }
}

function isPossible({ request }: QueueEntry, { units }: Pool): boolean {
  if (request.kind === 'count') return request.count <= units.filter((unit) => wants(request, unit)).length
  return request.ids.every((id) => units.some((unit) => unit.id === id))
}

function join({ process, truth, now, beatNow, moment, report }: Audit, entry: QueueEntry): void {
  const { purpose } = process
  if (purpose.kind !== 'acquire' || purpose.intent.id !== entry.id) {
    report('I5', () => `${entry.id} was queued by another process`)
    return
  }
  if (truth.held.has(entry.id)) report('I2', () => `${entry.id} holds GPUs and waits`)
  const until =
    entry.waitUntil === undefined ? undefined : { ...now, at: now.at + entry.waitUntil - moment.wall }
  const { intent } = purpose
  truth.waiting.set(entry.id, {
    id: entry.id,
    intent,
    process,
    joined: now,
    until,
    beat: beatNow,
    startableSince: undefined,
  })
}

function auditEntry(audit: Audit, waiter: Waiter, entry: QueueEntry): void {
  const { moment, now, beatNow, process, report } = audit
  const changed = (what: string) =>
    report('I10', () => `${what} of ${waiter.id} changed: ${JSON.stringify(entry)}`)
  if (!near(moment.wall - entry.joinedAt, apparentAge(waiter.joined, now))) changed('the time of joining')
  if (waiter.until !== undefined) {
    const left = (entry.waitUntil ?? Number.POSITIVE_INFINITY) - moment.wall
    if (!near(left, -apparentAge(waiter.until, now))) changed('the end of waiting')
  }
  if (!near(moment.wall - entry.heartbeatAt, apparentAge(waiter.beat, beatNow))) {
    const isFromFuture = apparentAge(waiter.beat, beatNow) < -1_000
    const mayBeat = process === waiter.process || isFromFuture
    if (!mayBeat || entry.heartbeatAt !== moment.wall) changed('the heartbeat')
    waiter.beat = beatNow
  }
  if (entry.startableSince === undefined) {
    waiter.startableSince = undefined
    return
  }
  if (
    waiter.startableSince !== undefined &&
    near(moment.wall - entry.startableSince, apparentAge(waiter.startableSince, now))
  )
    return
  if (waiter.startableSince !== undefined && apparentAge(waiter.startableSince, now) < -1_000) {
    // The program replaces a time in the future with the current time.
    waiter.startableSince = now
    return
  }
  if (entry.startableSince !== moment.wall) changed('the time since which it could start')
  waiter.startableSince = now
  if (isSurelyStopped(audit, waiter.id))
    report('I5', () => `${waiter.id} is stopped and counts as unresponsive`)
  if (!couldStart(audit, entry)) report('I5', () => `${waiter.id} counts as unresponsive and could not start`)
}

/** Whether the entry could start if it were alone in the queue, by the last probe of the deciding process. */
function couldStart({ after, process }: Audit, { request }: QueueEntry): boolean {
  const taken = new Set(after.reservations.flatMap(unitsOf))
  const free = after.units.filter(
    (unit) => wants(request, unit) && !taken.has(unit.id) && isShownFree(after, unit.id, process.lastProbe),
  )
  return free.length >= sizeOf(request)
}

function mayLeave({ process, after, now, beatNow, truth }: Audit, waiter: Waiter): boolean {
  const { purpose } = process
  if (process === waiter.process || after.reservations.some((reservation) => reservation.id === waiter.id))
    return true
  if (purpose.kind === 'set-up' && purpose.force) return true
  if (!waiter.process.isAlive) return true
  if (hasTimedOut({ now }, waiter)) return true
  if (waiter.process.boot !== truth.machine.boots) return true
  return livenessFor(process, waiter.process) === 'unknown' && apparentAge(waiter.beat, beatNow) > STALE
}

function hasTimedOut({ now }: Pick<Audit, 'now'>, { until }: Waiter): boolean {
  return until !== undefined && apparentAge(until, now) >= 0
}
