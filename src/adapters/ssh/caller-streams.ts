import { FROM_HOST } from '../../domain/fleet/frames.ts'
import { losesOutput } from '../kernel/libc/errno.ts'
import { errorText } from '../kernel/libc/library.ts'
import { utf8 } from '../kernel/libc/memory.ts'
import type { Interest, Readiness } from '../kernel/poll.ts'
import { Inlet } from './inlet.ts'
import { Outlet } from './outlet.ts'

export type OutputKind = typeof FROM_HOST.output | typeof FROM_HOST.errorOutput

/** Output that this process has not written yet; then it reads no more. */
const MOST_WAITING = 1024 * 1024
/** Output that an attempt holds back until its command has its GPUs. */
const MOST_HELD = 64 * 1024

interface Held {
  readonly kind: OutputKind
  readonly content: Uint8Array<ArrayBuffer>
}

/** The standard streams of this process, which show those of a command on another host. */
export class CallerStreams {
  readonly input = new Inlet(0, { mayBlock: true })
  readonly #outlets: readonly (readonly [OutputKind, Outlet])[] = [
    [FROM_HOST.output, new Outlet(1, { mayBlock: true })],
    [FROM_HOST.errorOutput, new Outlet(2, { mayBlock: true })],
  ]
  readonly #closed = new Set<OutputKind>()
  readonly #announcement: string
  /** Null once output is shown. */
  #held: Held[] | null
  #heldSize = 0

  /** With an announcement for stderr, nothing is shown before `start`. */
  constructor(announcement: string | undefined) {
    this.#announcement = announcement ?? ''
    this.#held = announcement === undefined ? null : []
  }

  get hasRoom(): boolean {
    return this.#outlets.every(([, { size }]) => size < MOST_WAITING)
  }

  /** Whether all output is written. */
  get isShown(): boolean {
    return this.#outlets.every(([, { size }]) => size === 0)
  }

  /** Why standard output is lost, such as a full disk; undefined if it is not. */
  get lost(): string | undefined {
    const errno = this.#outlets.find(([kind]) => kind === FROM_HOST.output)?.[1].errno ?? 0
    return errno !== 0 && losesOutput(errno) ? errorText(errno) : undefined
  }

  /** Returns whether it shows the output, and does not hold it back. Throws if it would hold back too much. */
  take(kind: OutputKind, content: Uint8Array<ArrayBuffer>): boolean {
    if (this.#held === null) {
      this.#show({ kind, content })
      return content.length > 0
    }
    this.#heldSize += content.length
    if (this.#heldSize > MOST_HELD) throw new Error('it prints too much before it has GPUs')
    if (content.length > 0) this.#held.push({ kind, content })
    return false
  }

  /** The command has its GPUs: shows the announcement, and then what was held back. */
  start(): void {
    this.#show({ kind: FROM_HOST.errorOutput, content: utf8(this.#announcement) })
    const held = this.#held ?? []
    this.#held = null
    for (const each of held) this.#show(each)
  }

  interests(): readonly Interest[] {
    return this.#outlets.map(([, { fd, size }]) => ({ fd, write: size > 0 }))
  }

  /** Writes what the streams take. Returns those that, as it finds out now, nobody reads any longer. */
  write(isReady: (fd: number, what: keyof Readiness) => boolean): readonly OutputKind[] {
    const closed: OutputKind[] = []
    for (const [kind, outlet] of this.#outlets) {
      if (isReady(outlet.fd, 'writable')) outlet.write()
      if (outlet.isBroken && !this.#closed.has(kind)) closed.push(kind)
    }
    for (const kind of closed) this.#closed.add(kind)
    return closed
  }

  #show({ kind, content }: Held): void {
    for (const [each, outlet] of this.#outlets) if (each === kind) outlet.push(content)
  }
}
