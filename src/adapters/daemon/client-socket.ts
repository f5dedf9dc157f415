import type { Millis } from '../../domain/pool/model.ts'
import type { ClientConnection, Receiver } from '../../ports/daemon-listener.ts'
import { Lines } from './lines.ts'
import { Outgoing } from './outgoing.ts'
import type { UnreadLimit } from './unread-limit.ts'

export interface ClientLimits {
  /** The longest message that is accepted, in bytes. */
  readonly longestMessage: number
  /** A client that started a message completes it within this time. */
  readonly messageWithinMs: Millis
  /** A client that reads nothing for this time, while there is something to read, is disconnected. */
  readonly readWithinMs: Millis
}

/** The part of a socket that is used here. */
interface ByteSocket {
  write(bytes: Uint8Array): number
  /** Closes at once. The client can still read the bytes that were written. */
  terminate(): void
}

export interface ClientSocketParts {
  readonly socket: ByteSocket
  readonly peer: ClientConnection['peer']
  readonly limits: ClientLimits
  readonly unread: UnreadLimit
}

type Timer = ReturnType<typeof setTimeout>

/** The messages of one client, within limits of size and time. A client that breaks one is disconnected. */
export class ClientSocket implements ClientConnection {
  readonly peer: ClientConnection['peer']
  readonly #socket: ByteSocket
  readonly #limits: ClientLimits
  readonly #unread: UnreadLimit
  readonly #lines: Lines
  readonly #outgoing: Outgoing
  #receiver: Receiver | undefined
  #messageTimer: Timer | undefined
  #readTimer: Timer | undefined
  #hasEnded = false

  constructor({ socket, peer, limits, unread }: ClientSocketParts) {
    this.peer = peer
    this.#socket = socket
    this.#limits = limits
    this.#unread = unread
    this.#lines = new Lines(limits.longestMessage)
    this.#outgoing = new Outgoing(socket, (by) => unread.add(peer.uid, by))
  }

  receiveWith(receiver: Receiver): void {
    this.#receiver = receiver
  }

  received(bytes: Uint8Array): void {
    if (this.#hasEnded) return
    const messages = this.#lines.push(bytes)
    if (messages === null) {
      this.#terminate()
      return
    }
    for (const message of messages) this.#receiver?.receive(message)
    // The time of a message counts from its first byte, so bytes one by one do not prolong it.
    if (messages.length > 0) this.#messageTimer = cleared(this.#messageTimer)
    if (this.#lines.isPartial) this.#messageTimer ??= this.#terminateAfter(this.#limits.messageWithinMs)
  }

  drained(): void {
    const before = this.#outgoing.size
    this.#outgoing.flush()
    if (this.#outgoing.size < before) this.#readTimer = cleared(this.#readTimer)
    this.#expectRead()
  }

  send(message: string): void {
    if (this.#hasEnded) return
    this.#outgoing.send(`${message}\n`)
    if (this.#unread.isExceeded(this.peer.uid, this.#outgoing.size)) this.#terminate()
    else this.#expectRead()
  }

  /** A client that does not close its end must not keep a descriptor of the daemon. */
  end(message: string): void {
    if (this.#hasEnded) return
    this.#outgoing.send(`${message}\n`)
    this.#terminate()
  }

  closed(): void {
    this.#hasEnded = true
    this.#messageTimer = cleared(this.#messageTimer)
    this.#readTimer = cleared(this.#readTimer)
    this.#outgoing.clear()
    this.#receiver?.closed()
  }

  #expectRead(): void {
    if (this.#hasEnded || this.#outgoing.size === 0) return
    this.#readTimer ??= this.#terminateAfter(this.#limits.readWithinMs)
  }

  #terminateAfter(ms: Millis): Timer {
    return setTimeout(() => this.#terminate(), ms)
  }

  #terminate(): void {
    this.#hasEnded = true
    this.#socket.terminate()
  }
}

function cleared(timer: Timer | undefined): undefined {
  clearTimeout(timer)
}
