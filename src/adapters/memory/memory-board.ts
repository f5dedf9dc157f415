import { type BoardTime, countedNow, timeOfNotice } from '../../domain/fleet/board-clock.ts'
import {
  isNotNewer,
  MOST_SNAPSHOT_CHARACTERS,
  type Revision,
  revisionText,
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

type Received = Notice & {
  readonly receivedAt: Millis
  readonly revisions: Readonly<Partial<Record<SnapshotPart, Revision>>>
}

interface Content {
  readonly notices: ReadonlyMap<string, Received>
  /** Of the last notice; undefined if there was none. */
  readonly time: BoardTime | undefined
  readonly emptyAt: Millis | undefined
}
const EMPTY: Content = { notices: new Map(), time: undefined, emptyAt: undefined }

export type SavedBoard = Content

/** The board in memory, for several hosts in one process: simulation and tests. */
export class MemoryBoard implements Board {
  readonly #clock: () => Millis
  #content = EMPTY

  /** `clock` may be set. */
  constructor(clock: () => Millis) {
    this.#clock = clock
  }

  async post(notice: Notice): Promise<PostAnswer> {
    const { notices, time: last, emptyAt } = this.#content
    const time = timeOfNotice(last, this.#clock())
    const now = time.counted
    const known = this.#known(notice.host, now)
    const isRecent = known !== undefined && Math.abs(now - known.receivedAt) < ORDERED_FOR_MS
    if (isRecent && isNotNewer(notice.revision, known.revision)) return 'older'
    const parts = { ...known?.parts, ...notice.parts }
    const own = Object.fromEntries(Object.keys(notice.parts).map((part) => [part, notice.revision]))
    const revisions = { ...known?.revisions, ...own }
    this.#content = {
      notices: new Map([...notices, [notice.host, { ...notice, parts, revisions, receivedAt: now }]]),
      time,
      emptyAt: last === undefined ? now : emptyAt,
    }
    if (isRecent && notice.revision.epoch !== known.revision.epoch) return 'foreign'
    const { usageOf } = notice
    const ofUsage = revisions.usage === undefined ? '' : revisionText(revisions.usage)
    const lacksUsage = usageOf !== undefined && ofUsage !== revisionText(usageOf)
    const lacksPart = SNAPSHOT_PARTS.some((part) => parts[part] === undefined)
    return lacksUsage || lacksPart ? 'incomplete' : 'replaced'
  }

  #known(host: string, now: Millis) {
    const known = this.#content.notices.get(host)
    return known !== undefined && now - known.receivedAt < KEPT_FOR_MS ? known : undefined
  }

  async read(part: SnapshotPart, host?: string): Promise<readonly Posted[]> {
    const now = countedNow(this.#content.time, this.#clock())
    const names = host === undefined ? [...this.#content.notices.keys()].sort() : [host]
    let left = MOST_READ_CHARACTERS[part]
    return names.flatMap((name): Posted[] => {
      const known = this.#known(name, now)
      if (known === undefined) return []
      const text = known.parts[part]
      const posted = { host: known.host, age: now - known.receivedAt, text: undefined }
      if (text === undefined || text.length > MOST_SNAPSHOT_CHARACTERS) return [posted]
      if (text.length > left) return [{ ...posted, isLeftOut: true }]
      left -= text.length
      const revision = known.revisions[part]
      return [{ ...posted, text, ...(revision === undefined ? {} : { revision }) }]
    })
  }

  async emptyAgo(): Promise<Millis | undefined> {
    const { time, emptyAt } = this.#content
    if (time === undefined) return 0
    const ago = emptyAt === undefined ? undefined : countedNow(time, this.#clock()) - emptyAt
    return ago === undefined || ago > KEPT_FOR_MS ? undefined : ago
  }

  /** As a server that lost its data. */
  wipe(): void {
    this.#content = EMPTY
  }

  /** What it has now. Given to `restore`, it is as a server that lost what was written since. */
  saved(): SavedBoard {
    return this.#content
  }

  restore(saved: SavedBoard): void {
    this.#content = saved
  }

  close(): void {}
}
