import { bookingsOf, withBookings } from '../pool/bookings.ts'
import { isReboot, withoutFuture } from '../pool/clock.ts'
import type {
  Account,
  HeldTime,
  LastUse,
  Liveness,
  Millis,
  Moment,
  Outcome,
  Pool,
  QueueEntry,
  Reservation,
  RunTerm,
  Unit,
  UnitId,
  UsageRecord,
} from '../pool/model.ts'
import type { AliveCheck, ProcessCheck } from '../pool/process-check.ts'
import { isSameAccount } from '../pool/rights.ts'
import { unitsOf } from '../pool/units.ts'
import { forgetUnstartable } from '../schedule/unresponsive.ts'

/** Maximum age of a heartbeat. Shorter limits have ended live runs under load. */
export const HEARTBEAT_STALE_MS: Millis = 15 * 60_000

/** A pool after the end of reservations, and their records. */
export interface Ended {
  readonly pool: Pool
  readonly ended: readonly UsageRecord[]
}

/** What an operation reports about its own reservation or queue entry. It overrides the kernel's answer. */
export type Report =
  | { readonly id: string; readonly is: 'alive' }
  | { readonly id: string; readonly is: 'ended'; readonly outcome: Outcome }

/**
 * The first part of every operation: ends reservations and removes queue entries and bookings whose time or process has ended. So no
 * request is refused because of an ended process. Returns the same object if nothing changed.
 */
export function settle(pool: Pool, moment: Moment, processes: ProcessCheck, report?: Report): Ended {
  const now = moment.wall
  const { alive, stopped } = processes
  const before = afterReboot(withoutFuture(pool, now), moment)
  const queued = forgetUnstartable(dropGoneWaiters(before.pool, { now, alive, report }), { now, stopped })
  const { pool: settled, ended } = endWhere(withoutPast(queued, now), (reservation) =>
    reservation.id === report?.id ? reportedEnd(report, now) : endOf(reservation, now, processes),
  )
  return { pool: settled, ended: [...before.ended, ...ended] }
}

const reportedEnd = (report: Report, at: Millis): End | null =>
  report.is === 'ended' ? { outcome: report.outcome, at } : null

/** No process of the pool survives a reboot. A run's last heartbeat is the best estimate of its end. */
function afterReboot(pool: Pool, moment: Moment): Ended {
  if (!isReboot(pool.writtenAt, moment)) return { pool, ended: [] }
  const unqueued = pool.queue.length === 0 ? pool : { ...pool, queue: [] }
  return endWhere(unqueued, (held) => (held.term.kind === 'run' ? vanished(held.term, moment.wall) : null))
}

/** A booking that could not begin in its time held nothing, so it leaves no record. */
function withoutPast(pool: Pool, now: Millis): Pool {
  const bookings = bookingsOf(pool)
  return bookings.some(({ term }) => term.until <= now)
    ? withBookings(
        pool,
        bookings.filter(({ term }) => term.until > now),
      )
    : pool
}

/** Ends one reservation by id; does nothing if it has ended already. */
export function endReservation(pool: Pool, id: string, outcome: Outcome, at: Millis): Ended {
  // Waiters that this reservation kept from starting get a fresh grace period. Which waiters are stopped is not known
  // here, so all count as stopped. Then only entries that could not start even alone lose `startableSince`.
  const noted = forgetUnstartable(pool, { now: at, stopped: () => true })
  return endWhere(noted, (reservation) => (reservation.id === id ? { outcome, at } : null))
}

export interface End {
  readonly outcome: Outcome
  readonly at: Millis
  /** The account that ended it, if that is not the holder. */
  readonly by?: Account
}

/** Ends every reservation for which `endFor` returns an end. */
export function endWhere(pool: Pool, endFor: (reservation: Reservation) => End | null): Ended {
  const staying: Reservation[] = []
  const ended: UsageRecord[] = []
  const lastUse = new Map<UnitId, LastUse>()
  for (const reservation of pool.reservations) {
    const end = endFor(reservation)
    if (end === null) {
      staying.push(reservation)
      continue
    }
    const at = Math.max(end.at, reservation.startedAt)
    for (const unit of unitsOf(reservation)) {
      lastUse.set(unit, { endedAt: at, uid: reservation.owner.account.uid })
      ended.push({
        ...heldTimeOf(pool.host, reservation, unit, at),
        outcome: end.outcome,
        ...endedBy(end.by),
      })
    }
  }
  if (ended.length === 0) return { pool, ended }
  return { pool: { ...pool, units: withLastUse(pool.units, lastUse), reservations: staying }, ended }
}

function withLastUse(units: readonly Unit[], lastUse: ReadonlyMap<UnitId, LastUse>): readonly Unit[] {
  return units.map((unit) => {
    const use = lastUse.get(unit.id)
    return use === undefined ? unit : { ...unit, lastUse: use }
  })
}

const endedBy = (by: Account | undefined): Pick<UsageRecord, 'endedBy'> =>
  by === undefined ? {} : { endedBy: by }

/** One unit's held time in a reservation, up to the given time. */
export function heldTimeOf(host: string, reservation: Reservation, unit: UnitId, until: Millis): HeldTime {
  const { id, owner, term, startedAt, note } = reservation
  return {
    host,
    reservation: id,
    unit,
    owner,
    term: term.kind,
    startedAt,
    endedAt: Math.max(until, startedAt),
    ...(note === undefined ? {} : { note }),
  }
}

type ExitCheck = Pick<ProcessCheck, 'alive' | 'exitedAt'>

/** When and how the reservation ended, by clock, kernel and heartbeat; null if it continues. */
export function endOf({ term }: Reservation, now: Millis, processes: ExitCheck): End | null {
  switch (term.kind) {
    case 'run':
      return endOfRun(term, now, processes)
    case 'manual':
      return term.expiresAt <= now ? { outcome: 'expired', at: term.expiresAt } : null
    case 'booking':
    case 'maintenance':
      return term.until !== undefined && term.until <= now ? { outcome: 'expired', at: term.until } : null
  }
}

function endOfRun(run: RunTerm, now: Millis, { alive, exitedAt }: ExitCheck): End | null {
  switch (holderState(alive(run.process), run.heartbeatAt, now)) {
    case 'alive':
      return null
    case 'gone': {
      // The end may be recorded late, for example after a full disk.
      const at = Math.min(now, exitedAt?.(run.process) ?? now)
      const timedOut = run.limit !== undefined && run.limit.interruptAt <= at
      return { outcome: timedOut ? 'timed-out' : 'exited', at }
    }
    case 'lost':
      return vanished(run, now)
  }
}

const vanished = ({ heartbeatAt }: RunTerm, now: Millis): End => ({
  outcome: 'vanished',
  at: Math.min(heartbeatAt, now),
})

/** Whether the reservation or queue entry of this process has ended. */
export function isGone(
  { process, heartbeatAt }: Pick<RunTerm, 'process' | 'heartbeatAt'>,
  now: Millis,
  alive: AliveCheck,
): boolean {
  return holderState(alive(process), heartbeatAt, now) !== 'alive'
}

/** The process check decides. If it cannot answer, the heartbeat decides. */
function holderState(liveness: Liveness, heartbeatAt: Millis, now: Millis): 'alive' | 'gone' | 'lost' {
  switch (liveness) {
    case 'alive':
      return 'alive'
    case 'gone':
      return 'gone'
    case 'unknown':
      return now - heartbeatAt > HEARTBEAT_STALE_MS ? 'lost' : 'alive'
  }
}

interface WaiterCheck {
  readonly now: Millis
  readonly alive: AliveCheck
  readonly report: Report | undefined
}

function dropGoneWaiters(pool: Pool, { now, alive, report }: WaiterCheck): Pool {
  const isAlive = (entry: QueueEntry) =>
    (entry.id === report?.id && report.is === 'alive') || !isGone(entry, now, alive)
  const queue = pool.queue.filter(
    (entry) => (entry.waitUntil === undefined || now < entry.waitUntil) && isAlive(entry),
  )
  return queue.length === pool.queue.length ? pool : { ...pool, queue }
}

/**
 * Releases some units, for every kind of term. A reservation keeps its other units and ends with its last one.
 */
export function releaseUnits(pool: Pool, units: readonly UnitId[], at: Millis, actor: Account): Ended {
  const records = pool.reservations.flatMap((held) =>
    unitsOf(held)
      .filter((unit) => units.includes(unit))
      .map(
        (unit): UsageRecord => ({
          ...heldTimeOf(pool.host, held, unit, at),
          outcome: 'released',
          ...endedBy(isSameAccount(actor, held.owner.account) ? undefined : actor),
        }),
      ),
  )
  if (records.length === 0) return { pool, ended: records }
  const lastUse = new Map(
    records.map(({ unit, owner }) => [unit, { endedAt: at, uid: owner.account.uid }] as const),
  )
  const reservations = pool.reservations
    .map((held) => ({ ...held, holdings: held.holdings.filter(({ unit }) => !units.includes(unit)) }))
    .filter(({ holdings }) => holdings.length > 0)
  return { pool: { ...pool, units: withLastUse(pool.units, lastUse), reservations }, ended: records }
}
