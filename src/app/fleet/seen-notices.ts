import type { HostName } from '../../domain/fleet/host-name.ts'
import { isNotNewer } from '../../domain/fleet/snapshot.ts'
import type { Millis } from '../../domain/pool/model.ts'
import { KEPT_FOR_MS, type Posted } from '../../ports/board.ts'

interface Seen {
  readonly posted: Posted
  /** When it was read, in steady time. */
  readonly at: Millis
}

/** As many as a board has. */
const MOST_HOSTS = 5_000

/** What a process that runs for long has read from the board. The board may lose it. */
export class SeenNotices {
  readonly #mostCharacters: number
  #seen: ReadonlyMap<HostName, Seen> = new Map()

  constructor(mostCharacters: number) {
    this.#mostCharacters = mostCharacters
  }

  /**
   * What was read at this time, and what was seen before of hosts that are missing in it. If the board has an earlier
   * notice of a host than before, as after a failover, the later one stays.
   */
  with(read: readonly Posted[], now: Millis): readonly Posted[] {
    const byHost = new Map(read.map((posted) => [posted.host, posted]))
    for (const { posted, at } of this.#seen.values()) {
      const before = { ...posted, age: posted.age + (now - at) }
      const found = byHost.get(posted.host)
      if (found === undefined || found.isLost || isEarlier(found, before)) byHost.set(posted.host, before)
    }
    const all = [...byHost.values()].filter(({ age }) => age <= KEPT_FOR_MS)
    this.#remember(all, now)
    return all.sort((a, b) => (a.host < b.host ? -1 : 1))
  }

  /** The latest ones, no more than one reading may have: anybody can put ever new hosts on the board. */
  #remember(all: readonly Posted[], at: Millis): void {
    const seen = new Map<HostName, Seen>()
    let left = this.#mostCharacters
    for (const posted of all.toSorted((a, b) => a.age - b.age)) {
      left -= posted.text?.length ?? 0
      if (posted.text === undefined || seen.size === MOST_HOSTS || left < 0) continue
      seen.set(posted.host, { posted, at })
    }
    this.#seen = seen
  }
}

/** Notices without a revision, and those of two epochs, have no order. */
const isEarlier = ({ revision }: Posted, before: Posted): boolean =>
  revision !== undefined &&
  before.revision?.epoch === revision.epoch &&
  !isNotNewer(before.revision, revision)
