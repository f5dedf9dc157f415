import { FROM_HOST, type Frame, FrameReader, frame, type HostFrame } from '../../domain/fleet/frames.ts'
import { isSilent, SILENCE_MS } from '../../domain/fleet/patience.ts'
import type { Millis } from '../../domain/pool/model.ts'
import { steadyNow } from '../kernel/clock.ts'
import { type Interest, pollAny, type Readiness } from '../kernel/poll.ts'
import { Inlet } from './inlet.ts'
import { Outlet } from './outlet.ts'

/** While more bytes are on their way to the caller, the output of the command waits. */
const MOST_WAITING = 256 * 1024
const CHECK_EVERY_MS: Millis = 1_000

/** The frames to and from a caller, on our standard streams. */
export class CallerLink {
  readonly #input = new Inlet(0, { mayBlock: false })
  readonly #output = new Outlet(1, { mayBlock: false })
  readonly #frames = new FrameReader()
  #heardAt = steadyNow()
  #remindedAt = 0

  get hasRoom(): boolean {
    return this.#output.size < MOST_WAITING
  }

  /** Bytes on their way to the caller. */
  get size(): number {
    return this.#output.size
  }

  /** Whether the connection has ended. */
  get isOver(): boolean {
    return this.#input.isOver || this.#output.isBroken
  }

  get isSilent(): boolean {
    return isSilent({ now: steadyNow(), heardAt: this.#heardAt })
  }

  interests(): readonly Interest[] {
    return [
      { fd: 0, read: true },
      { fd: 1, write: this.#output.size > 0 },
    ]
  }

  send(kind: HostFrame, content?: Uint8Array): void {
    this.sendFrame(frame(kind, content))
  }

  sendFrame(bytes: Uint8Array<ArrayBuffer>): void {
    this.#output.push(bytes)
  }

  /** Answers a ping. A caller that does not read gets no more answers. */
  pong(): void {
    if (this.hasRoom) this.send(FROM_HOST.pong)
  }

  /**
   * Sends a silent caller a sign. Without bytes on their way, the SSH server here would not notice for hours that the
   * connection is cut.
   */
  remind(): void {
    if (this.#output.size > 0 || steadyNow() - this.#remindedAt < SILENCE_MS) return
    this.#remindedAt = steadyNow()
    this.send(FROM_HOST.pong)
  }

  /** The frames that have arrived. Throws for bytes that are no frames. */
  hear(): readonly Frame[] {
    const bytes = this.#input.read()
    if (typeof bytes === 'string') return []
    this.#heardAt = steadyNow()
    return this.#frames.push(bytes)
  }

  write(isReady: (fd: number, what: keyof Readiness) => boolean): void {
    if (isReady(1, 'writable')) this.#output.write()
  }

  /** Writes what can be written now. */
  writeNow(): void {
    if (pollAny([{ fd: 1, write: true }], 0)?.get(1)?.writable === true) this.#output.write()
  }

  /** Writes everything, as long as the connection lasts. What the caller still sends is dropped. */
  flush(): void {
    while (this.#output.size > 0 && !this.isOver) {
      const ready = pollAny(this.interests(), CHECK_EVERY_MS)
      if (ready?.get(0)?.readable === true) this.#input.read()
      if (ready?.get(1)?.writable === true) this.#output.write()
    }
  }
}
