import type { Millis } from '../../domain/pool/model.ts'

/** A TCP connection in the kernel. */
export interface Connection {
  readonly descriptor: number
  readonly hasReceived: boolean
  readonly hasSent: boolean
  /** The port of the peer. */
  readonly port: number
  /** Time since the server last sent data, or since it was opened. */
  readonly quietMs: Millis
}

/** What the kernel knows of this process's connections. */
export interface Connections {
  readonly limit: () => number
  /** The lowest free descriptor; negative where none is free. */
  readonly lowestFree: () => number
  readonly open: (end: number) => readonly Connection[]
  readonly close: (connection: Connection) => void
}

const MOST_DESCRIPTORS = 4_096
/** Descriptors that are kept for the pool, the driver and children. */
const MOST_RESERVED = 64

const LOOK_EVERY_MS: Millis = 250
/** Short, because more connections wait, and accepting them fails in a loop that takes a whole core. */
const LOOK_AGAIN_MS: Millis = 25
const SWEEP_EVERY_MS: Millis = 5_000
/** How long a connection may be idle. A slower request or reader is taken for dead. */
const QUIET_MS: Millis = 30_000

/** The number of descriptors for connections. */
export function connectionLimit(descriptors: number): number {
  const most = Math.min(descriptors, MOST_DESCRIPTORS)
  return most - Math.min(MOST_RESERVED, Math.floor(most / 4))
}

/**
 * Keeps descriptors free: without them the server's accept loop spins, and the pool cannot be opened. Closes
 * connections to which nothing was sent for half a minute and, when there are too many, half of them. Event streams
 * stay open.
 */
export class ConnectionLimit {
  readonly #connections: Connections
  readonly #isStream: (port: number) => boolean
  readonly #most: number
  #timer: ReturnType<typeof setTimeout> | undefined
  #untilSweep = SWEEP_EVERY_MS

  /** @param isStream whether the connection with this port of the peer is an event stream */
  constructor(connections: Connections, isStream: (port: number) => boolean) {
    this.#connections = connections
    this.#isStream = isStream
    this.#most = connectionLimit(connections.limit())
    this.#lookIn(LOOK_EVERY_MS)
  }

  close(): void {
    clearTimeout(this.#timer)
  }

  #lookIn(ms: Millis): void {
    this.#timer = setTimeout(() => {
      this.#untilSweep -= ms
      this.#lookIn(this.#makeRoom() ? LOOK_AGAIN_MS : LOOK_EVERY_MS)
      if (this.#untilSweep <= 0) this.#sweep()
    }, ms)
  }

  /** Whether there were too many. */
  #makeRoom(): boolean {
    const free = this.#connections.lowestFree()
    if (free >= 0 && free < this.#most) return false
    for (const connection of superfluous(this.#open().filter(({ port }) => !this.#isStream(port))))
      this.#connections.close(connection)
    return true
  }

  #sweep(): void {
    this.#untilSweep = SWEEP_EVERY_MS
    for (const connection of this.#open()) {
      if (connection.quietMs >= QUIET_MS) this.#connections.close(connection)
    }
  }

  #open(): readonly Connection[] {
    return this.#connections.open(Math.min(this.#connections.limit(), MOST_DESCRIPTORS))
  }
}

/** Half of the connections: first those that sent nothing, then those without a complete request, then the idle. */
export function superfluous(connections: readonly Connection[]): readonly Connection[] {
  return connections
    .toSorted((a, b) => rank(a) - rank(b) || b.quietMs - a.quietMs)
    .slice(0, Math.ceil(connections.length / 2))
}

function rank({ hasReceived, hasSent }: Connection): number {
  if (!hasReceived) return 0
  return hasSent ? 2 : 1
}
