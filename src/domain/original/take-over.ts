import type {
  Account,
  LastUse,
  ManualReservation,
  Millis,
  Outcome,
  Owner,
  TermKind,
  UnitId,
  UsageRecord,
} from '../pool/model.ts'
import { gpuUnit, wholeUnits } from '../pool/units.ts'
import { DEFAULT_RESERVATION } from '../schedule/demand.ts'
import type { OriginalGpu, OriginalHold, OriginalPool, OriginalRecord } from './original-pool.ts'

/** The part of an original pool that a new pool takes over. */
export interface TakenOver {
  readonly reservations: readonly ManualReservation[]
  readonly lastUses: readonly (LastUse & { readonly unit: UnitId })[]
  readonly records: readonly UsageRecord[]
}

export interface TakeOver {
  readonly taken: TakenOver
  /** Ids of the reservations whose commands run on under the original program. */
  readonly running: readonly string[]
  /** Reservations of users who have no account on this machine. */
  readonly ownerless: readonly Ownerless[]
  /** Number of usage records that cannot be read. */
  readonly unreadable: number
  /** Number of requests in the queue whose processes live; these are of the original program. */
  readonly waiting: number
}

export interface Ownerless {
  readonly user: string
  /** The name that no account of this machine has; `user` may be another name that the user chose. */
  readonly account: string
  readonly units: readonly UnitId[]
}

interface Receiver {
  /** The host of the new pool. */
  readonly host: string
  readonly now: Millis
  /** The uid of an account of this machine; undefined if no account has the name. */
  readonly uidOf: (name: string) => number | undefined
  /** The same id for the same text, so that a second import adds no record twice. */
  readonly idOf: (text: string) => string
}

/** After this time without a heartbeat the original program releases the GPUs of a run. */
const RUN_GONE_MS: Millis = 5 * 60_000

/** After this time without a heartbeat the original program removes a request from its queue. */
const WAITER_GONE_MS: Millis = 2 * 60_000

/** The kernel's overflow uid, which no account has: stands for users without an account on this machine. */
const NO_UID = 65_534

/**
 * Converts an original pool. Its runs have no process identity, so a run that is alive becomes a manual reservation:
 * its owner releases it when the command ends. A reservation that has ended already becomes usage records.
 */
export function takeOver(original: OriginalPool, receiver: Receiver): TakeOver {
  const groups = grouped(original.gpus)
  const { now, uidOf } = receiver
  const current = groups.filter(({ held }) => endOf(held, now) === undefined)
  const owned = current.filter(({ held }) => uidOf(held.account) !== undefined)
  const past = original.records.filter(({ endedAt }) => endedAt <= now)
  const records = [
    ...pastRecords(past, receiver),
    ...groups.flatMap((group) => endedRecords(group, receiver)),
  ]
  return {
    taken: {
      reservations: owned.map((group) => reservationOf(group, receiver)),
      lastUses: lastUses(original.gpus, records),
      records,
    },
    running: owned.filter(({ held }) => held.kind === 'run').map((group) => reservationId(group, receiver)),
    ownerless: current
      .filter(({ held }) => uidOf(held.account) === undefined)
      .map(({ held: { user, account }, parts }) => ({ user, account, units: unitsIn(parts) })),
    unreadable: original.unreadable + original.records.length - past.length,
    waiting: original.waiting.filter((heartbeatAt) => heartbeatAt + WAITER_GONE_MS > now).length,
  }
}

/** All names of accounts in an original pool. */
export function namesIn({ gpus, records }: OriginalPool): ReadonlySet<string> {
  const holders = gpus.flatMap(({ held }) => (held === undefined ? [] : [held.account]))
  return new Set([...holders, ...records.map(({ user }) => user)])
}

/** The GPUs that one command of the original program reserved. */
interface Group {
  readonly held: OriginalHold
  readonly parts: readonly Part[]
}

/** A command that waited in the queue of the original program got its GPUs one by one. */
interface Part {
  readonly unit: UnitId
  readonly startedAt: Millis
}

const unitsIn = (parts: readonly Part[]): readonly UnitId[] => parts.map(({ unit }) => unit)

const startOf = (parts: readonly Part[]): Millis => Math.min(...parts.map(({ startedAt }) => startedAt))

/** The original program stores no reservation, only what each GPU is reserved for. */
function grouped(gpus: readonly OriginalGpu[]): readonly Group[] {
  const groups = new Map<string, Group>()
  for (const [number, { held }] of gpus.entries()) {
    if (held === undefined) continue
    const { user, account, kind, mark, startedAt, note } = held
    const key = JSON.stringify([user, account, kind, mark, note])
    const { parts } = groups.get(key) ?? { parts: [] }
    groups.set(key, { held, parts: [...parts, { unit: gpuUnit(number), startedAt }] })
  }
  return [...groups.values()]
}

/** When and how a reservation ended; undefined if it has not ended. */
function endOf(
  { kind, expiresAt, heartbeatAt, startedAt }: OriginalHold,
  now: Millis,
): { readonly at: Millis; readonly outcome: Outcome } | undefined {
  if (kind === 'manual') {
    return expiresAt !== undefined && expiresAt <= now ? { at: expiresAt, outcome: 'expired' } : undefined
  }
  const seenAt = heartbeatAt ?? startedAt
  return seenAt + RUN_GONE_MS <= now ? { at: seenAt, outcome: 'vanished' } : undefined
}

function reservationOf(group: Group, receiver: Receiver): ManualReservation {
  const { held, parts } = group
  const { now } = receiver
  const end = held.kind === 'manual' ? held.expiresAt : undefined
  return {
    id: reservationId(group, receiver),
    owner: ownerOf(held.account, held.user, receiver),
    holdings: wholeUnits(unitsIn(parts)),
    startedAt: Math.min(startOf(parts), now),
    ...(held.note === undefined ? {} : { note: held.note }),
    term: { kind: 'manual', expiresAt: end ?? now + DEFAULT_RESERVATION },
  }
}

/** A current reservation has a new id in each import: the records of an earlier import have the earlier id. */
function reservationId({ held, parts }: Group, { idOf, now }: Receiver): string {
  const own = [held.account, held.kind, startOf(parts), unitsIn(parts)]
  return idOf(JSON.stringify(endOf(held, now) === undefined ? [...own, now] : own))
}

function ownerOf(account: string, user: string, { uidOf }: Receiver): Owner {
  const known: Account = { uid: uidOf(account) ?? NO_UID, name: account }
  return { account: known, shownName: user }
}

function endedRecords(group: Group, receiver: Receiver): readonly UsageRecord[] {
  const { held, parts } = group
  const end = endOf(held, receiver.now)
  if (end === undefined) return []
  const id = reservationId(group, receiver)
  return parts.map(({ unit, startedAt }) => ({
    ...recordParts(receiver.host, id, unit, { kind: held.kind, startedAt }),
    owner: ownerOf(held.account, held.user, receiver),
    endedAt: Math.max(end.at, startedAt),
    ...(held.note === undefined ? {} : { note: held.note }),
    outcome: end.outcome,
  }))
}

/**
 * The records name no reservation: those of one user with the same mark are one, as long as each unit occurs once in
 * it.
 */
function pastRecords(records: readonly OriginalRecord[], receiver: Receiver): readonly UsageRecord[] {
  const seen = new Map<string, number>()
  return records.map((record) => {
    const { user, kind, mark, endedAt } = record
    const unit = gpuUnit(record.gpu)
    const start = JSON.stringify([user, kind, mark])
    const place = JSON.stringify([start, unit])
    const earlier = seen.get(place) ?? 0
    seen.set(place, earlier + 1)
    return {
      ...recordParts(receiver.host, receiver.idOf(JSON.stringify([start, earlier])), unit, record),
      owner: ownerOf(user, user, receiver),
      endedAt,
      outcome: kind === 'run' ? 'exited' : 'released',
    }
  })
}

const recordParts = (
  host: string,
  reservation: string,
  unit: UnitId,
  { kind, startedAt }: { readonly kind: TermKind; readonly startedAt: Millis },
) => ({ host, reservation, unit, term: kind, startedAt })

/** Of each unit that was used, its last end. */
function lastUses(gpus: readonly OriginalGpu[], records: readonly UsageRecord[]): TakenOver['lastUses'] {
  const last = new Map<UnitId, UsageRecord>()
  for (const record of records) {
    if ((last.get(record.unit)?.endedAt ?? 0) < record.endedAt) last.set(record.unit, record)
  }
  return gpus.flatMap(({ lastReleased }, number) => {
    const unit = gpuUnit(number)
    const record = last.get(unit)
    const endedAt = Math.max(record?.endedAt ?? 0, lastReleased ?? 0)
    return endedAt === 0 ? [] : [{ unit, endedAt, uid: record?.owner.account.uid ?? NO_UID }]
  })
}
