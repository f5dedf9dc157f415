import type { ProcessIdentity } from '../domain/pool/model.ts'

/** The other end of a connection, as the kernel knows it. */
export interface Peer {
  /** The effective uid of the process that connected. */
  readonly uid: number
  /** The account whose share of connections, memory and turns it uses: `uid`, or the owner of this subordinate uid. */
  readonly countedAs: number
  /** The Unix groups of that process. */
  readonly groups: readonly number[]
  /** That process; null if it has ended already, or is not visible from here. */
  readonly process: ProcessIdentity | null
}

export type Credentials = Pick<Peer, 'uid' | 'groups'>

/** The daemon's end of one connection. */
export interface ClientConnection {
  readonly peer: Peer
  /** Sends one message. Never waits: unread messages are queued, and a client with too many is disconnected. */
  send(message: string): void
  /** Sends one message with the next one, or alone if none follows in this iteration of the event loop. */
  sendSoon(message: string): void
  /** Sends at once what `sendSoon` was given. */
  flush(): void
  /** Sends a last message, and closes. */
  end(message: string): void
}

/** Called by the listener for each new connection. */
export interface ConnectionHandler {
  /** The message for a connection that is refused. */
  readonly refusal: string
  /** Not called for a connection that is refused, or whose process has ended already. */
  opened(connection: ClientConnection): Receiver
}

export interface Receiver {
  receive(message: string): void
  /** The connection has closed, by either side. */
  closed(): void
}

/** Accepts connections at a Unix socket until it is closed. */
export interface Listener {
  close(): void
}
