import type { Millis } from '../../domain/pool/model.ts'
import type { ClientConnection, Receiver } from '../../ports/daemon-listener.ts'
import type { HeldBytes } from './held-bytes.ts'
import { Lines } from './lines.ts'
import { Outgoing } from './outgoing.ts'

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
  readonly held: HeldBytes
}

type Timer = ReturnType<typeof setTimeout>

/** The messages of one client, within limits of size and time. A client that breaks one is disconnected. */
export class ClientSocket implements ClientConnection {
  readonly peer: ClientConnection['peer']
  readonly #socket: ByteSocket
  readonly #limits: ClientLimits
  readonly #held: HeldBytes
  readonly #lines: Lines
  readonly #outgoing: Outgoing
  #receiver: Receiver | undefined
  /** Messages that the next one takes along. */
  #soon = ''
  #messageTimer: Timer | undefined
  #readTimer: Timer | undefined
  #hasEnded = false

  constructor({ socket, peer, limits, held }: ClientSocketParts) {
    this.peer = peer
    this.#socket = socket
    this.#limits = limits
    this.#held = held
    this.#lines = new Lines(limits.longestMessage)
    this.#outgoing = new Outgoing(socket, (by) => held.unread.add(peer.countedAs, by))
  }

  receiveWith(receiver: Receiver): void {
    this.#receiver = receiver
  }

  received(bytes: Uint8Array): void {
    if (this.#hasEnded) return
    let isComplete = false
    const partialBefore = this.#lines.partial
    const isValid = this.#lines.push(bytes, (message) => {
      isComplete = true
      this.#receiver?.receive(message)
      return !this.#hasEnded
    })
    const { countedAs } = this.peer
    this.#held.partial.add(countedAs, this.#lines.partial - partialBefore)
    const isTooMuch = this.#lines.partial > 0 && this.#held.partial.isExceeded(countedAs)
    if (!isValid || isTooMuch) {
      this.#terminate()
      return
    }
    // The time of a message counts from its first byte, so bytes one by one do not prolong it.
    if (isComplete) this.#messageTimer = cleared(this.#messageTimer)
    if (this.#lines.partial > 0) this.#messageTimer ??= this.#terminateAfter(this.#limits.messageWithinMs)
  }

  drained(): void {
    const before = this.#outgoing.size
    this.#outgoing.flush()
    if (this.#outgoing.size < before) this.#readTimer = cleared(this.#readTimer)
    this.#expectRead()
  }

  send(message: string): void {
    this.#send(`${message}\n`)
  }

  sendSoon(message: string): void {
    this.#soon += `${message}\n`
    setImmediate(() => this.flush())
  }

  flush(): void {
    if (this.#soon !== '') this.#send('')
  }

  /** A client that does not close its end must not keep a descriptor of the daemon. */
  end(message: string): void {
    if (this.#hasEnded) return
    this.#write(`${message}\n`)
    this.#terminate()
  }

  #send(text: string): void {
    if (this.#hasEnded) return
    this.#write(text)
    if (this.#outgoing.size > 0 && this.#held.unread.isExceeded(this.peer.countedAs)) this.#terminate()
    else this.#expectRead()
  }

  #write(text: string): void {
    this.#outgoing.send(`${this.#soon}${text}`)
    this.#soon = ''
  }

  closed(): void {
    this.#hasEnded = true
    this.#messageTimer = cleared(this.#messageTimer)
    this.#readTimer = cleared(this.#readTimer)
    this.#outgoing.clear()
    this.#held.partial.add(this.peer.countedAs, -this.#lines.partial)
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
