import { CanhazgpuError } from '../../domain/errors.ts'
import type { HostName } from '../../domain/fleet/host-name.ts'
import type { SnapshotPart } from '../../domain/fleet/snapshot.ts'
import type { Millis } from '../../domain/pool/model.ts'
import { type Board, MOST_READ_CHARACTERS, type Posted } from '../../ports/board.ts'
import type { KnownHosts } from '../../ports/known-hosts.ts'
import { withMissingHosts } from './missing-hosts.ts'
import { SeenNotices } from './seen-notices.ts'

export interface BoardReading {
  readonly board: Board
  /** The name of this host. */
  readonly own: HostName
  /** Null or absent: nothing is kept when this process ends. */
  readonly known?: KnownHosts | null
  /** Steady time. */
  readonly clock: () => Millis
}

/** What is known from the board. */
export interface OnBoard {
  readonly posted: readonly Posted[]
  /** The age of what the board has of this host; undefined if it has nothing. */
  readonly ownAge?: Millis | undefined
  /** How long ago the board had no hosts. */
  readonly emptyAgo?: Millis | undefined
  /** Why the board could not be read. Then the notices are those that were read before. */
  readonly failure?: CanhazgpuError
}

export const NOTHING: OnBoard = { posted: [] }

/**
 * Reads the board, and keeps what it has read: a process that runs for long shows it, with its age, while the board is
 * out, and after the board has lost it. Hosts that an earlier process has seen are named.
 */
export class BoardReader {
  readonly #parts: BoardReading
  readonly #seen = new Map<SnapshotPart, SeenNotices>()

  constructor(parts: BoardReading) {
    this.#parts = parts
  }

  async read(part: SnapshotPart): Promise<OnBoard> {
    const { own, board, known = null, clock } = this.#parts
    const seen = this.#seenNotices(part)
    try {
      const asked = clock()
      const [read, emptyAgo] = await Promise.all([board.read(part), board.emptyAgo()])
      const at = clock()
      // The board may have taken the time at any moment meanwhile. Nothing looks younger than it is.
      const posted = read.map((each) => ({ ...each, age: each.age + (at - asked) }))
      const kept = seen.with(posted, at)
      return {
        posted: known === null ? kept : withMissingHosts(kept, known),
        ownAge: posted.find(({ host, isLost }) => host === own && !isLost)?.age,
        emptyAgo,
      }
    } catch (failure) {
      if (!(failure instanceof CanhazgpuError)) throw failure
      return { posted: seen.with([], clock()), failure }
    }
  }

  #seenNotices(part: SnapshotPart): SeenNotices {
    const seen = this.#seen.get(part) ?? new SeenNotices(MOST_READ_CHARACTERS[part])
    this.#seen.set(part, seen)
    return seen
  }
}
