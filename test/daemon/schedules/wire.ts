import type { DaemonConnection } from '../../../src/ports/daemon-connection.ts'
import type { ClientConnection, ConnectionHandler, Receiver } from '../../../src/ports/daemon-listener.ts'
import type { Lane, Lanes } from './lanes.ts'
import type { Process } from './machine.ts'

interface WireParts {
  readonly process: Process
  readonly daemon: ConnectionHandler
  readonly lanes: Lanes
  readonly violated: (what: string) => void
}

/** One connection between a client and a daemon. Messages take time, in each direction in their order. */
export class Wire {
  readonly process: Process
  readonly #up: Lane
  readonly #down: Lane
  readonly #receiver: Receiver
  readonly #violated: (what: string) => void
  readonly #messages: string[] = []
  readonly #answered = new Set<number>()
  #isClosedHere = false
  #isClosedThere = false
  #wake = () => {}

  constructor({ process, daemon, lanes, violated }: WireParts) {
    this.process = process
    this.#violated = violated
    this.#up = lanes.open()
    this.#down = lanes.open(() => process.state !== 'alive')
    const send = (message: string) => {
      this.#expectOneAnswer(message)
      this.#down.add(() => this.#deliver(message))
    }
    const connection: ClientConnection = {
      peer: { uid: process.uid, countedAs: process.uid, groups: [], process: process.identity },
      ...{ send, sendSoon: send, flush: () => {} },
      end: (message) => {
        this.#down.add(() => this.#deliver(message))
        this.#isClosedThere = true
        this.#down.add(() => this.#closeHere())
      },
    }
    this.#receiver = daemon.opened(connection)
  }

  /** The client's end. */
  get client(): DaemonConnection {
    return {
      isOpen: true,
      send: (...messages) => {
        for (const message of messages) this.#up.add(() => this.#receiver.receive(message))
      },
      receiveSoon: () => undefined,
      receive: async () => {
        while (this.#messages.length === 0 && !this.#isClosedHere) {
          const { promise, resolve } = Promise.withResolvers<void>()
          this.#wake = resolve
          await promise
        }
        return this.#messages.shift() ?? null
      },
      close: () => {
        this.#closeHere()
        this.hangUp()
      },
    }
  }

  /** The client's process has exited, or it closed the connection. */
  hangUp(): void {
    this.#up.add(() => this.drop())
  }

  /** The daemon closes the connection. */
  drop(): void {
    if (this.#isClosedThere) return
    this.#isClosedThere = true
    this.#up.end()
    this.#receiver.closed()
    this.#down.add(() => this.#closeHere())
  }

  /** The daemon was killed. */
  cut(): void {
    this.#isClosedThere = true
    this.#up.end()
    this.#down.add(() => this.#closeHere())
  }

  #deliver(message: string): void {
    if (!this.#isClosedHere) this.#messages.push(message)
    this.#wake()
  }

  #closeHere(): void {
    this.#isClosedHere = true
    this.#wake()
  }

  #expectOneAnswer(message: string): void {
    const sent: { n?: number; answer?: unknown; error?: unknown } = JSON.parse(message)
    if (sent.n === undefined) return
    if (this.#answered.has(sent.n))
      this.#violated(`request ${sent.n} has a message after its answer: ${message}`)
    if ('answer' in sent || 'error' in sent) this.#answered.add(sent.n)
  }
}
