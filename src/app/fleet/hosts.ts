import { CanhazgpuError } from '../../domain/errors.ts'
import { hostUnknown, leftOut, lostNotice } from '../../domain/fleet/fleet-errors.ts'
import type { HostName, RemoteHost } from '../../domain/fleet/host-name.ts'
import type { SnapshotPart } from '../../domain/fleet/snapshot.ts'
import type { Millis } from '../../domain/pool/model.ts'
import type { Board, Posted } from '../../ports/board.ts'
import type { HostReader } from '../../ports/host-reader.ts'
import type { KnownHosts } from '../../ports/known-hosts.ts'
import { BoardReader, NOTHING, type OnBoard } from './board-reader.ts'

export interface HostsParts<Parts extends Record<SnapshotPart, unknown>> {
  /** The name of this host. */
  readonly own: HostName
  /** A part of this host. Throws `pool-not-initialized` if it has no pool. */
  readonly ownPart: <Part extends SnapshotPart>(part: Part) => Promise<Parts[Part]>
  /** Reads what another host wrote, `age` ago; undefined for anything that is not such a part. */
  readonly read: { readonly [Part in SnapshotPart]: (text: string, age: Millis) => Parts[Part] | undefined }
  /** Null: none is configured. */
  readonly board: Board | null
  /** Null or absent: nothing is kept when this process ends. */
  readonly known?: KnownHosts | null
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
  /** `age`: of its last sign, as far as that is known. */
  | { readonly kind: 'unreachable'; readonly error: CanhazgpuError; readonly age?: Millis }
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
  /** How long ago the board had no hosts. Hosts that have published nothing since may be missing. */
  readonly boardEmptyAgo?: Millis
}

/** The number of hosts that are asked at once. Each takes a process. */
const ASKED_AT_ONCE = 32

/**
 * Reads what this host, the hosts of the configuration and those on the board say. It never connects to a host that
 * only the board names.
 */
export class Hosts<Parts extends Record<SnapshotPart, unknown>> {
  readonly #parts: HostsParts<Parts>
  readonly #board: BoardReader | null

  constructor(parts: HostsParts<Parts>) {
    this.#parts = parts
    this.#board = parts.board === null ? null : new BoardReader({ ...parts, board: parts.board })
  }

  /** Whether there are hosts besides this one. */
  get areConfigured(): boolean {
    return this.#parts.board !== null || this.#parts.remote.length > 0
  }

  /** This host, those that can be asked, and those that views of this account have shown. No host is asked. */
  get names(): readonly HostName[] {
    const { own, remote, known: shown } = this.#parts
    return [...new Set([own, ...remote.map(({ name }) => name), ...(shown?.load().keys() ?? [])])]
  }

  /** One part of all hosts. */
  async all<Part extends SnapshotPart>(part: Part): Promise<HostsAnswer<Parts[Part]>> {
    const { own, remote } = this.#parts
    const others = remote.filter(({ name }) => name !== own)
    const [here, board, asked] = await Promise.all([
      this.#timed(this.#here(part)),
      this.#timed(this.#board?.read(part) ?? Promise.resolve(NOTHING)),
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
    const { failure, emptyAgo } = board.answer
    return {
      hosts,
      ...(failure === undefined ? {} : { boardFailure: failure }),
      ...(emptyAgo === undefined ? {} : { boardEmptyAgo: emptyAgo }),
    }
  }

  /** One part of one host. Throws `host-unknown`, and `board-unavailable` if the host may be on the board. */
  async one<Part extends SnapshotPart>(name: string, part: Part): Promise<HostAnswer<Parts[Part]>> {
    const { own, ownPart, remote, known: shown } = this.#parts
    if (name === own) return { ...known(own, 'here'), document: await ownPart(part) }
    const host = remote.find((each) => each.name === name)
    if (host !== undefined) {
      const asked = await this.#ask(host, part)
      if (asked.kind === 'known') return asked
      const onBoard = await this.#oneOnBoard(name, part).catch(unlessDefect)
      // As in `all`.
      return onBoard?.kind === 'known' ? onBoard : asked
    }
    const onBoard = await this.#oneOnBoard(name, part)
    if (onBoard !== undefined) return onBoard
    if (shown != null && [...shown.load().keys()].some((each) => each === name)) throw lostNotice(name)
    throw hostUnknown(name)
  }

  async #oneOnBoard<Part extends SnapshotPart>(
    name: string,
    part: Part,
  ): Promise<HostAnswer<Parts[Part]> | undefined> {
    const [posted] = (await this.#parts.board?.read(part, name)) ?? []
    return posted === undefined ? undefined : this.#posted(posted, part)
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
    { ownAge, failure }: OnBoard,
  ): Promise<HostAnswer<Document>> {
    const { board, presentOwn } = this.#parts
    if (answer.kind !== 'known' || board === null || failure !== undefined) return answer
    const unpublished = await presentOwn?.(ownAge)
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
    { host, age, text, isLeftOut, isLost }: Posted,
    part: Part,
  ): HostAnswer<Parts[Part]> {
    if (isLost) return { name: host, source: 'board', kind: 'unreachable', error: lostNotice(host), age }
    if (isLeftOut) return { name: host, source: 'board', kind: 'unreachable', error: leftOut(host) }
    const document = text === undefined ? undefined : this.#parts.read[part](text, age)
    if (document === undefined) return { name: host, source: 'board', kind: 'unreadable', age }
    return { ...known(host, 'board'), document, age }
  }

  close(): void {
    this.#parts.board?.close()
  }
}

function unlessDefect(error: unknown): undefined {
  if (!(error instanceof CanhazgpuError)) throw error
}

/** An answer, and when it came. It waits until the others have come too. */
interface Timed<Answer> {
  readonly answer: Answer
  readonly at: Millis
}

const olderBy = <Document>(ms: Millis, answer: HostAnswer<Document>): HostAnswer<Document> =>
  answer.age === undefined ? answer : { ...answer, age: answer.age + ms }

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
