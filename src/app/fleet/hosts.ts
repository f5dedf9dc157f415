import { CanhazgpuError } from '../../domain/errors.ts'
import { hostUnknown, leftOut } from '../../domain/fleet/fleet-errors.ts'
import type { HostName, RemoteHost } from '../../domain/fleet/host-name.ts'
import type { SnapshotPart } from '../../domain/fleet/snapshot.ts'
import type { Millis } from '../../domain/pool/model.ts'
import type { Board, Posted } from '../../ports/board.ts'
import type { HostReader } from '../../ports/host-reader.ts'

export interface HostsParts<Parts extends Record<SnapshotPart, unknown>> {
  /** The name of this host. */
  readonly own: HostName
  /** A part of this host. Throws `pool-not-initialized` if it has no pool. */
  readonly ownPart: <Part extends SnapshotPart>(part: Part) => Promise<Parts[Part]>
  /** Reads what another host wrote, `age` ago; undefined for anything that is not such a part. */
  readonly read: { readonly [Part in SnapshotPart]: (text: string, age: Millis) => Parts[Part] | undefined }
  /** Null: none is configured. */
  readonly board: Board | null
  /** The hosts that `reader` can ask. */
  readonly remote: readonly RemoteHost[]
  readonly reader: HostReader
  /**
   * Called with the age of what the board has of this host, undefined if it has nothing. Publishes this host if others
   * do not see it as it is; if that fails, returns how they see it, and why.
   */
  readonly presentOwn?: (age: Millis | undefined) => Promise<Unpublished | null>
  /** Steady time. */
  readonly clock: () => Millis
}

/** What is known about one host. */
export type HostAnswer<Document> = {
  readonly name: HostName
  readonly source: 'here' | 'board' | 'ssh'
} & (
  | {
      readonly kind: 'known'
      readonly document: Document
      readonly age: Millis
      /** Only of this host. */
      readonly unpublished?: Unpublished
    }
  /** It published nothing that this version understands. */
  | { readonly kind: 'unreadable'; readonly age: Millis }
  | { readonly kind: 'unreachable'; readonly error: CanhazgpuError }
)

/** Others do not see this host as it is. */
export interface Unpublished {
  /** The age of what they see; undefined if that is nothing. */
  readonly age: Millis | undefined
  readonly failure: CanhazgpuError
}

export interface HostsAnswer<Document> {
  /** In the order of the names. */
  readonly hosts: readonly HostAnswer<Document>[]
  /** Why the board could not be read. Then its hosts are missing, or as they were read before. */
  readonly boardFailure?: CanhazgpuError
}

/** The number of hosts that are asked at once. Each takes a process. */
const ASKED_AT_ONCE = 32

/**
 * Reads what this host, the hosts of the configuration and those on the board say. It never connects to a host that
 * only the board names. Keeps what it read from the board: a process that runs for long shows it, with its age, while
 * the board is out.
 */
export class Hosts<Parts extends Record<SnapshotPart, unknown>> {
  readonly #parts: HostsParts<Parts>
  readonly #lastRead = new Map<SnapshotPart, { readonly at: Millis; readonly posted: readonly Posted[] }>()

  constructor(parts: HostsParts<Parts>) {
    this.#parts = parts
  }

  /** Whether there are hosts besides this one. */
  get areConfigured(): boolean {
    return this.#parts.board !== null || this.#parts.remote.length > 0
  }

  /** One part of all hosts. */
  async all<Part extends SnapshotPart>(part: Part): Promise<HostsAnswer<Parts[Part]>> {
    const { own, remote } = this.#parts
    const others = remote.filter(({ name }) => name !== own)
    const [here, board, asked] = await Promise.all([
      this.#timed(this.#here(part)),
      this.#timed(this.#board(part)),
      inTurns(others, (host) => this.#timed(this.#ask(host, part))),
    ])
    const byName = new Map<string, Timed<HostAnswer<Parts[Part]>>>()
    for (const each of board.answer.posted)
      byName.set(each.host, { answer: this.#posted(each, part), at: board.at })
    for (const each of asked) {
      const { name, kind } = each.answer
      // What the board has is better than nothing.
      if (kind === 'known' || byName.get(name)?.answer.kind !== 'known') byName.set(name, each)
    }
    if (here.answer === null) byName.delete(own)
    else byName.set(own, { answer: await this.#presented(here.answer, board.answer), at: here.at })
    const now = this.#parts.clock()
    const hosts = [...byName.values()]
      .map(({ answer, at }) => olderBy(now - at, answer))
      .sort((a, b) => compareNames(a.name, b.name))
    const { failure } = board.answer
    return { hosts, ...(failure === undefined ? {} : { boardFailure: failure }) }
  }

  /** One part of one host. Throws `host-unknown`, and `board-unavailable` if the host may be on the board. */
  async one<Part extends SnapshotPart>(name: string, part: Part): Promise<HostAnswer<Parts[Part]>> {
    const { own, ownPart, remote, board } = this.#parts
    if (name === own) return { ...known(own, 'here'), document: await ownPart(part) }
    const host = remote.find((each) => each.name === name)
    if (host !== undefined) return this.#ask(host, part)
    const [posted] = (await board?.read(part, name)) ?? []
    if (posted !== undefined) return this.#posted(posted, part)
    throw hostUnknown(name)
  }

  async #timed<Answer>(asked: Promise<Answer>): Promise<Timed<Answer>> {
    const answer = await asked
    return { answer, at: this.#parts.clock() }
  }

  /** Null if this host has no pool. */
  async #here<Part extends SnapshotPart>(part: Part): Promise<HostAnswer<Parts[Part]> | null> {
    const { own, ownPart } = this.#parts
    try {
      return { ...known(own, 'here'), document: await ownPart(part) }
    } catch (error) {
      if (!(error instanceof CanhazgpuError)) throw error
      if (error.code === 'pool-not-initialized' && this.areConfigured) return null
      return { name: own, source: 'here', kind: 'unreachable', error }
    }
  }

  /** A board that does not answer is reported for all hosts. */
  async #presented<Document>(
    answer: HostAnswer<Document>,
    { posted, failure }: OnBoard,
  ): Promise<HostAnswer<Document>> {
    const { own, board, presentOwn } = this.#parts
    if (answer.kind !== 'known' || board === null || failure !== undefined) return answer
    const unpublished = await presentOwn?.(posted.find(({ host }) => host === own)?.age)
    return unpublished == null ? answer : { ...answer, unpublished }
  }

  async #ask<Part extends SnapshotPart>(host: RemoteHost, part: Part): Promise<HostAnswer<Parts[Part]>> {
    const { reader, read } = this.#parts
    const { name } = host
    try {
      const document = read[part](await reader.read(host, part), 0)
      if (document === undefined) return { name, source: 'ssh', kind: 'unreadable', age: 0 }
      return { ...known(name, 'ssh'), document }
    } catch (error) {
      if (!(error instanceof CanhazgpuError)) throw error
      return { name, source: 'ssh', kind: 'unreachable', error }
    }
  }

  #posted<Part extends SnapshotPart>(
    { host, age, text, isLeftOut }: Posted,
    part: Part,
  ): HostAnswer<Parts[Part]> {
    if (isLeftOut) return { name: host, source: 'board', kind: 'unreachable', error: leftOut(host) }
    const document = text === undefined ? undefined : this.#parts.read[part](text, age)
    if (document === undefined) return { name: host, source: 'board', kind: 'unreadable', age }
    return { ...known(host, 'board'), document, age }
  }

  async #board(part: SnapshotPart): Promise<OnBoard> {
    const { board, clock } = this.#parts
    if (board === null) return { posted: [] }
    try {
      const asked = clock()
      const read = await board.read(part)
      const at = clock()
      // The board may have taken the time at any moment meanwhile. Nothing looks younger than it is.
      const posted = read.map((each) => ({ ...each, age: each.age + (at - asked) }))
      this.#lastRead.set(part, { at, posted })
      return { posted }
    } catch (failure) {
      if (!(failure instanceof CanhazgpuError)) throw failure
      const last = this.#lastRead.get(part)
      if (last === undefined) return { posted: [], failure }
      const passed = clock() - last.at
      return { posted: last.posted.map((each) => ({ ...each, age: each.age + passed })), failure }
    }
  }

  close(): void {
    this.#parts.board?.close()
  }
}

/** What the board has of all hosts. */
interface OnBoard {
  readonly posted: readonly Posted[]
  /** Then it is what was read before. */
  readonly failure?: CanhazgpuError
}

/** An answer, and when it came. It waits until the others have come too. */
interface Timed<Answer> {
  readonly answer: Answer
  readonly at: Millis
}

const olderBy = <Document>(ms: Millis, answer: HostAnswer<Document>): HostAnswer<Document> =>
  answer.kind === 'unreachable' ? answer : { ...answer, age: answer.age + ms }

const known = <Source extends 'here' | 'board' | 'ssh'>(name: HostName, source: Source) =>
  ({ name, source, kind: 'known', age: 0 }) as const

/** `gpu2` before `gpu10`. */
const { compare: compareNames } = new Intl.Collator('en', { numeric: true })

async function inTurns<Item, Result>(
  items: readonly Item[],
  ask: (item: Item) => Promise<Result>,
): Promise<readonly Result[]> {
  const results: Result[] = []
  const left = items.entries()
  const askNext = async () => {
    for (const [at, item] of left) results[at] = await ask(item)
  }
  await Promise.all(Array.from({ length: Math.min(ASKED_AT_ONCE, items.length) }, askNext))
  return results
}
