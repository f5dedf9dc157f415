import type { Millis } from '../../domain/pool/model.ts'
import type { Warn } from '../../domain/warnings.ts'
import type { DaemonConnection } from '../../ports/daemon-connection.ts'
import { RESTART_MS } from './outage.ts'
import { type Answer, type Greeting, type Numbered, PROTOCOL_VERSION, type Request } from './protocol.ts'

/** Time in which an answer that has arrived is read. */
const READ_AGAIN_MS: Millis = 100

/** The messages for one request. */
export interface Messages {
  /** The number of the request. */
  readonly n: number
  /** Null when the connection has closed or `end` was called. */
  next(): Promise<Answer | null>
  end(): void
}

interface LinkParts {
  readonly warn: Warn
  /** Steady time. */
  readonly clock: () => Millis
}

/** A connection that carries several requests at once. */
export class Link {
  readonly #connection: DaemonConnection
  readonly #inboxes = new Map<number, Inbox>()
  readonly #warn: Warn
  readonly #clock: () => Millis
  #lastNumber = 0
  #isClosed = false
  #isReceiving = false
  #hasAnswered = false
  /** Numbers of the requests whose last message has not arrived. */
  readonly #unanswered = new Set<number>()
  /** Those of them that the daemon answers soon. */
  readonly #expected = new Set<number>()
  /** The time of the last greeting, until a message follows it. Steady time. */
  #greetedAt: Millis | undefined
  #silence: ReturnType<typeof setTimeout> | undefined

  constructor(connection: DaemonConnection, { warn, clock }: LinkParts) {
    this.#warn = warn
    this.#clock = clock
    this.#connection = connection
  }

  get isOpen(): boolean {
    return !this.#isClosed && this.#connection.isOpen
  }

  /** Whether the daemon has sent a message. */
  get hasAnswered(): boolean {
    return this.#hasAnswered
  }

  /** `isPatient`: does not close the connection, however long the daemon is silent. */
  request(body: Request, isPatient = false): Messages {
    const n = ++this.#lastNumber
    const inbox = new Inbox(n, () => this.#inboxes.delete(n))
    this.#inboxes.set(n, inbox)
    if (this.#isClosed) {
      inbox.put(null)
      return inbox
    }
    this.#unanswered.add(n)
    // The answer to the other two may take any time.
    if (!isPatient && body.ask !== 'wait' && body.ask !== 'watch') this.#expected.add(n)
    const isGreeting = this.#silence === undefined && (n === 1 || this.#expected.size > 0)
    const request = JSON.stringify({ ...body, n } satisfies Numbered<Request>)
    if (isGreeting) this.#greet([request], isPatient)
    else this.#connection.send(request)
    if (!this.#isReceiving) void this.#receive()
    return inbox
  }

  /** A daemon answers a greeting at once. One that is stopped accepts connections, and answers nothing. */
  #greet(requests: readonly string[] = [], isPatient = false): void {
    if (this.#isClosed) return
    const greeting = JSON.stringify({ protocol: PROTOCOL_VERSION } satisfies Greeting)
    this.#connection.send(greeting, ...requests)
    if (!isPatient) this.#greetedAt = this.#clock()
    if (this.#isReceiving) this.#limitSilence()
  }

  /** Closes after a greeting without an answer. A request may take longer, so the daemon is greeted again while it works. */
  #limitSilence(): void {
    clearTimeout(this.#silence)
    if (this.#greetedAt !== undefined) {
      const left = this.#greetedAt + RESTART_MS - this.#clock()
      this.#silence = setTimeout(() => this.#closeIfSilent(), Math.max(0, left))
    } else if (this.#expected.size > 0) this.#silence = setTimeout(() => this.#greet(), RESTART_MS)
    else this.#silence = undefined
  }

  /** If this process did not run, its timer is due although an answer has arrived, so it reads once more. */
  #closeIfSilent(): void {
    this.#silence = setTimeout(() => this.close(), READ_AGAIN_MS)
  }

  async #receive(): Promise<void> {
    this.#isReceiving = true
    while (this.#unanswered.size > 0 && !this.#isClosed) {
      const text = this.#receivedSoon() ?? (await this.#receivedLater())
      if (text === null) this.close()
      else this.#deliver(text)
    }
    this.#isReceiving = false
    clearTimeout(this.#silence)
    this.#silence = undefined
  }

  #receivedSoon(): string | undefined {
    return this.#expected.size > 0 ? this.#connection.receiveSoon() : undefined
  }

  #receivedLater(): Promise<string | null> {
    this.#limitSilence()
    return this.#connection.receive()
  }

  #deliver(text: string): void {
    const { n, ...message } = JSON.parse(text) as Numbered<Answer> | Greeting
    this.#greetedAt = undefined
    this.#hasAnswered = true
    if (n !== undefined && isLast(message)) {
      this.#unanswered.delete(n)
      this.#expected.delete(n)
    }
    if ('protocol' in message) return
    if ('warning' in message) {
      this.#warn(message.warning)
      return
    }
    // A message without a number concerns the whole connection.
    for (const [number, inbox] of this.#inboxes) if (n === undefined || n === number) inbox.put(message)
  }

  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
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
