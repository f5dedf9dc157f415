import type { Millis } from '../../domain/pool/model.ts'

/** A TCP connection of this process. */
export interface Connection {
  readonly descriptor: number
  readonly hasReceived: boolean
  readonly hasSent: boolean
  /** The port of the peer. */
  readonly port: number
  /** Time since the server last sent data on it, or since it was opened. */
  readonly idleMs: Millis
}

/** The connections of this process, from the kernel. */
export interface Connections {
  /** The maximum number of descriptors. */
  readonly limit: () => number
  /** The lowest free descriptor; negative if none is free. */
  readonly lowestFree: () => number
  /** The open connections with a descriptor below `end`. */
  readonly open: (end: number) => readonly Connection[]
  readonly close: (connection: Connection) => void
}

const MOST_DESCRIPTORS = 4_096
/** Descriptors that stay free for the pool, the driver and child processes. */
const MOST_RESERVED = 64

const CHECK_EVERY_MS: Millis = 250
/** Used after too many connections: more of them wait, and failed accepts repeat in a loop that uses a whole core. */
const CHECK_AGAIN_MS: Millis = 25
const CLOSE_IDLE_EVERY_MS: Millis = 5_000
/** A connection that is idle for this long is closed, even if its client is only slow. */
const LONGEST_IDLE_MS: Millis = 30_000

/** The number of descriptors for connections. */
export function connectionLimit(descriptors: number): number {
  const most = Math.min(descriptors, MOST_DESCRIPTORS)
  return most - Math.min(MOST_RESERVED, Math.floor(most / 4))
}

/**
 * Keeps descriptors free. Without them, the server's accept loop spins and the pool cannot be opened. Closes every
 * connection on which the server sent nothing for half a minute. If there are too many connections, closes half of
 * those that are not event streams.
 */
export class ConnectionLimit {
  readonly #connections: Connections
  readonly #isStream: (port: number) => boolean
  readonly #most: number
  #timer: ReturnType<typeof setTimeout> | undefined
  #untilCloseIdle = CLOSE_IDLE_EVERY_MS

  /** @param isStream whether an event stream has this port of the peer */
  constructor(connections: Connections, isStream: (port: number) => boolean) {
    this.#connections = connections
    this.#isStream = isStream
    this.#most = connectionLimit(connections.limit())
    this.#scheduleCheck(CHECK_EVERY_MS)
  }

  close(): void {
    clearTimeout(this.#timer)
  }

  #scheduleCheck(ms: Millis): void {
    this.#timer = setTimeout(() => {
      this.#untilCloseIdle -= ms
      this.#scheduleCheck(this.#closeSuperfluous() ? CHECK_AGAIN_MS : CHECK_EVERY_MS)
      if (this.#untilCloseIdle <= 0) this.#closeIdle()
    }, ms)
  }

  /** Returns whether there were too many connections. */
  #closeSuperfluous(): boolean {
    const free = this.#connections.lowestFree()
    if (free >= 0 && free < this.#most) return false
    for (const connection of superfluous(this.#open().filter(({ port }) => !this.#isStream(port))))
      this.#connections.close(connection)
    return true
  }

  #closeIdle(): void {
    this.#untilCloseIdle = CLOSE_IDLE_EVERY_MS
    for (const connection of this.#open()) {
      if (connection.idleMs >= LONGEST_IDLE_MS) this.#connections.close(connection)
    }
  }

  #open(): readonly Connection[] {
    return this.#connections.open(Math.min(this.#connections.limit(), MOST_DESCRIPTORS))
  }
}

/**
 * Half of the connections: first those that sent nothing, then those that got no answer yet, then those idle for
 * longest.
 */
export function superfluous(connections: readonly Connection[]): readonly Connection[] {
  return connections
    .toSorted((a, b) => rank(a) - rank(b) || b.idleMs - a.idleMs)
    .slice(0, Math.ceil(connections.length / 2))
}

function rank({ hasReceived, hasSent }: Connection): number {
  if (!hasReceived) return 0
  return hasSent ? 2 : 1
}
