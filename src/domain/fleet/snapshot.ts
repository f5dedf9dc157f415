import type { Millis, Moment } from '../pool/model.ts'

/** The parts of what a host tells other hosts. Each is a document of its own, so that a view reads only what it shows. */
export const SNAPSHOT_PARTS = ['status', 'queue', 'usage'] as const
export type SnapshotPart = (typeof SNAPSHOT_PARTS)[number]

/** The version of these documents. A host that meets another version shows nothing of it. */
export const SNAPSHOT_VERSION = 1 as const

/** The longest document of a part. 64 GPUs or 400 waiters need a third of it. */
export const MOST_SNAPSHOT_CHARACTERS = 256 * 1024

/** The number of days, today included, of which a host tells the usage. */
export const DAYS_TOLD = 92

/**
 * Orders the snapshots of one host by the steady time of the commit, and then by that of the reading. Neither a pool
 * that was reset or restored nor a clock that was set changes this order. The epoch is that of the publisher: times of
 * two epochs cannot be compared, and after a reboot there is no earlier publisher.
 */
export interface Revision {
  readonly epoch: string
  readonly committedAt: number
  readonly readAt: number
}

/** How a pool was read. All times are steady. */
export interface PoolReading {
  /** When the reading began. */
  readonly begun: Millis
  /** The moment after it. */
  readonly moment: Moment['steady']
  /** When the pool was last written. May be later than `begun`. */
  readonly written: Moment['steady']
}

/**
 * The revision of a pool that was read. If it was written later than it was read, it is of an earlier boot, and older
 * than every commit of this one. Their epochs may differ within a boot: a container can have its own.
 */
export function revisionOf({ begun, moment, written }: PoolReading): Revision {
  return { epoch: moment.epoch, committedAt: written.ms <= moment.ms ? written.ms : 0, readAt: begun }
}

/** The revision as a text, for a board. */
export const revisionText = ({ epoch, committedAt, readAt }: Revision): string =>
  `${committedAt} ${readAt} ${epoch}`

/** Reads such a text; undefined for anything else. */
export function readRevision(text: string): Revision | undefined {
  const [committed = '', read = '', ...epoch] = text.split(' ')
  const [committedAt, readAt] = [Number(committed || Number.NaN), Number(read || Number.NaN)]
  return Number.isFinite(committedAt + readAt) ? { epoch: epoch.join(' '), committedAt, readAt } : undefined
}

/** How often a daemon, or a supervisor of a host without one, publishes although nothing changes. */
export const REPEATED_EVERY_MS: Millis = 15_000

/** Whether a host that said when it publishes again has missed three times. Without such a word it is never silent. */
export const isSilent = (age: Millis, nextSignSeconds: number | undefined): boolean =>
  nextSignSeconds !== undefined && age > 3_000 * Math.max(1, nextSignSeconds)

/**
 * Whether a snapshot must not replace another one of the same host. One that a network repeats is no sign of life, so it
 * does not replace itself.
 */
export function isNotNewer(revision: Revision, than: Revision): boolean {
  if (revision.epoch !== than.epoch) return false
  if (revision.committedAt !== than.committedAt) return revision.committedAt < than.committedAt
  return revision.readAt <= than.readAt
}
