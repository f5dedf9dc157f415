import type { Warn } from '../../domain/warnings.ts'
import type { DaemonConnection } from '../../ports/daemon-connection.ts'
import { RESTART_MS } from './outage.ts'
import { type Answer, type Greeting, type Numbered, PROTOCOL_VERSION, type Request } from './protocol.ts'

/** The messages for one request. */
export interface Messages {
  /** The number of the request. */
  readonly n: number
  /** Null when the connection has closed or `end` was called. */
  next(): Promise<Answer | null>
  end(): void
}

/** A connection that carries several requests at once. */
export class Link {
  readonly #connection: DaemonConnection
  readonly #inboxes = new Map<number, Inbox>()
  readonly #warn: Warn
  #lastNumber = 0
  isOpen = true
  /** Numbers of the requests that the daemon answers soon. */
  readonly #expected = new Set<number>()
  #silence: ReturnType<typeof setTimeout> | undefined

  constructor(connection: DaemonConnection, warn: Warn) {
    this.#warn = warn
    this.#connection = connection
    this.#greet()
    void this.#receive()
  }

  request(body: Request): Messages {
    const n = ++this.#lastNumber
    const inbox = new Inbox(n, () => this.#inboxes.delete(n))
    if (!this.isOpen) inbox.put(null)
    this.#inboxes.set(n, inbox)
    // The answer to the other two may take any time.
    if (body.ask !== 'wait' && body.ask !== 'watch') this.#expected.add(n)
    if (this.#silence === undefined && this.#expected.size > 0) this.#greet()
    this.#connection.send(JSON.stringify({ ...body, n } satisfies Numbered<Request>))
    return inbox
  }

  /** A daemon answers a greeting at once. One that is stopped accepts connections, and answers nothing. */
  #greet(): void {
    if (!this.isOpen) return
    this.#connection.send(JSON.stringify({ protocol: PROTOCOL_VERSION } satisfies Greeting))
    this.#silence = setTimeout(() => this.close(), RESTART_MS)
  }

  /** A request may take longer, so the daemon is greeted again while it works. */
  #greetLater(): void {
    clearTimeout(this.#silence)
    this.#silence = this.#expected.size === 0 ? undefined : setTimeout(() => this.#greet(), RESTART_MS)
  }

  async #receive(): Promise<void> {
    for (
      let text = await this.#connection.receive();
      text !== null;
      text = await this.#connection.receive()
    ) {
      const { n, ...message } = JSON.parse(text) as Numbered<Answer> | Greeting
      if (n !== undefined && isLast(message)) this.#expected.delete(n)
      this.#greetLater()
      if ('protocol' in message) continue
      if ('warning' in message) {
        this.#warn(message.warning)
        continue
      }
      // A message without a number concerns the whole connection.
      for (const [number, inbox] of this.#inboxes) if (n === undefined || n === number) inbox.put(message)
    }
    this.close()
  }

  close(): void {
    if (!this.isOpen) return
    this.isOpen = false
    clearTimeout(this.#silence)
    this.#connection.close()
    for (const inbox of this.#inboxes.values()) inbox.put(null)
  }
}

class Inbox implements Messages {
  readonly n: number
  readonly #waiting: (Answer | null)[] = []
  readonly #drop: () => void
  #wake: (() => void) | undefined

  constructor(n: number, drop: () => void) {
    this.n = n
    this.#drop = drop
  }

  put(message: Answer | null): void {
    this.#waiting.push(message)
    this.#wake?.()
  }

  async next(): Promise<Answer | null> {
    while (this.#waiting.length === 0) {
      const { promise, resolve } = Promise.withResolvers<void>()
      this.#wake = resolve
      await promise
    }
    const message = this.#waiting.shift() ?? null
    if (message === null || isLast(message)) this.#drop()
    return message
  }

  end(): void {
    this.put(null)
  }
}

/** Whether no other message for its request follows. */
const isLast = (message: object): boolean => 'answer' in message || 'error' in message
