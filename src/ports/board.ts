import type { HostName } from '../domain/fleet/host-name.ts'
import type { Revision, SnapshotPart } from '../domain/fleet/snapshot.ts'
import type { Millis } from '../domain/pool/model.ts'

/** What a host publishes: JSON texts. Parts that are absent stay as they are on the board. */
export interface Notice {
  readonly host: HostName
  readonly revision: Revision
  readonly parts: Readonly<Partial<Record<SnapshotPart, string>>>
  /** The revision of the notice that last had the usage, if this one does not. */
  readonly usageOf?: Revision
}

/** What the board has of one host. Anybody who can write to the board may have written it. */
export interface Posted {
  readonly host: HostName
  /**
   * The time since the host published, as the board counts it (`BoardTime`): the clocks of hosts may differ, and that of
   * the board may be set.
   */
  readonly age: Millis
  /** Of the notice that had this part; absent if that makes no sense. */
  readonly revision?: Revision
  /** Undefined if the host did not publish this part, or if it is longer than `MOST_SNAPSHOT_CHARACTERS`. */
  readonly text: string | undefined
  /** Present if it was not read, because the other hosts are all that is read at once. Then its age means nothing. */
  readonly isLeftOut?: true
  /** Present if the board knows that the host has published, and no longer has that. An age of 0 means nothing then. */
  readonly isLost?: true
}

export type PostAnswer =
  /** The board now has the notice, but of some other part no text, or not that of `usageOf`: it has lost it. */
  | 'incomplete'
  | 'replaced'
  /** The notice on the board is newer or the same, and stays. */
  | 'older'
  /** Replaced a notice of another epoch, less than a minute old: after a reboot, or of another host of this name. */
  | 'foreign'

/**
 * The notice board of several hosts. It is advisory: it may be wiped, stale or wrong at any time, and no host decides
 * about its GPUs by it.
 *
 * Each method throws `board-unavailable` within a deadline if the board cannot be used, whatever the reason. For some
 * seconds after that it throws at once.
 */
export interface Board {
  /**
   * Replaces the notice of a host, atomically. The notice on the board stays if it is less than a minute old and this
   * one is not newer (`isNotNewer`). A host that publishes often and gets `foreign` has a namesake.
   */
  post(notice: Notice): Promise<PostAnswer>

  /**
   * One part of every host that published in the last 30 days, or of the given host, in the order of the names. The
   * texts have at most `MOST_READ_CHARACTERS` together.
   */
  read(part: SnapshotPart, host?: string): Promise<readonly Posted[]>

  /** How long ago the board had no hosts at all: it was new, or has lost its data. Undefined for more than 30 days. */
  emptyAgo(): Promise<Millis | undefined>

  close(): void
}

/** A newer notice than this no longer keeps an older one away: whatever wrote it, the host itself heals it. */
export const ORDERED_FOR_MS: Millis = 60_000

/** How long the board keeps the notice of a host that no longer publishes. */
export const KEPT_FOR_MS: Millis = 30 * 86_400_000

/** What a reader takes at once: 3,000 hosts of 8 GPUs, or the usage of 200 hosts with 10 users on every day. */
export const MOST_READ_CHARACTERS: Readonly<Record<SnapshotPart, number>> = {
  status: 8 * 1024 * 1024,
  queue: 8 * 1024 * 1024,
  usage: 16 * 1024 * 1024,
}
