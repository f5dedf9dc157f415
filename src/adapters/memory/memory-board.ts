import {
  isNotNewer,
  MOST_SNAPSHOT_CHARACTERS,
  SNAPSHOT_PARTS,
  type SnapshotPart,
} from '../../domain/fleet/snapshot.ts'
import type { Millis } from '../../domain/pool/model.ts'
import {
  type Board,
  KEPT_FOR_MS,
  MOST_READ_CHARACTERS,
  type Notice,
  ORDERED_FOR_MS,
  type PostAnswer,
  type Posted,
} from '../../ports/board.ts'

type Received = Notice & { readonly receivedAt: Millis }
export type SavedBoard = ReadonlyMap<string, Received>

/** The board in memory, for several hosts in one process: simulation and tests. */
export class MemoryBoard implements Board {
  readonly #clock: () => Millis
  readonly #notices = new Map<string, Received>()

  constructor(clock: () => Millis) {
    this.#clock = clock
  }

  async post(notice: Notice): Promise<PostAnswer> {
    const now = this.#clock()
    const known = this.#known(notice.host, now)
    const isRecent = known !== undefined && now - known.receivedAt < ORDERED_FOR_MS
    if (isRecent && isNotNewer(notice.revision, known.revision)) return 'older'
    const parts = { ...known?.parts, ...notice.parts }
    this.#notices.set(notice.host, { ...notice, parts, receivedAt: now })
    if (isRecent && notice.revision.epoch !== known.revision.epoch) return 'foreign'
    return SNAPSHOT_PARTS.some((part) => parts[part] === undefined) ? 'incomplete' : 'replaced'
  }

  #known(host: string, now: Millis) {
    const known = this.#notices.get(host)
    return known !== undefined && now - known.receivedAt < KEPT_FOR_MS ? known : undefined
  }

  async read(part: SnapshotPart, host?: string): Promise<readonly Posted[]> {
    const now = this.#clock()
    const names = host === undefined ? [...this.#notices.keys()].sort() : [host]
    let left = MOST_READ_CHARACTERS[part]
    return names.flatMap((name): Posted[] => {
      const known = this.#known(name, now)
      if (known === undefined) return []
      const text = known.parts[part]
      const posted = { host: known.host, age: now - known.receivedAt, text: undefined }
      if (text === undefined || text.length > MOST_SNAPSHOT_CHARACTERS) return [posted]
      if (text.length > left) return [{ ...posted, isLeftOut: true }]
      left -= text.length
      return [{ ...posted, text }]
    })
  }

  /** As a server that lost its data. */
  wipe(): void {
    this.#notices.clear()
  }

  /** What it has now. Given to `restore`, it is as a server that lost what was written since. */
  saved(): SavedBoard {
    return new Map(this.#notices)
  }

  restore(saved: SavedBoard): void {
    this.#notices.clear()
    for (const [host, notice] of saved) this.#notices.set(host, notice)
  }

  close(): void {}
}
