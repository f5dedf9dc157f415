import type { Answer, Numbered } from '../app/remote/protocol.ts'
import { daemonDefect, noPoolAtDaemon } from '../domain/daemon-errors.ts'
import { CanhazgpuError } from '../domain/errors.ts'
import type { SessionParts } from './session-parts.ts'
import type { SlowTurns } from './slow-turns.ts'

/** The answer is sent later. */
export const LATER = Symbol('later')

/** An answer in JSON. */
export class Written {
  readonly json: string

  constructor(json: string) {
    this.json = json
  }
}

/** The answers to the requests of one connection. */
export class Answers {
  readonly #parts: SessionParts
  #isOpen = true
  #unanswered = 0

  constructor(parts: SessionParts) {
    this.#parts = parts
  }

  /** Whether the connection is open. */
  get isOpen(): boolean {
    return this.#isOpen
  }

  /** Number of requests without a last answer. */
  get unanswered(): number {
    return this.#unanswered
  }

  /** A request has come. */
  expect(): void {
    this.#unanswered++
  }

  /** A request gets no answer of its own. */
  omit(): void {
    this.#unanswered--
  }

  /** From now on nothing is sent. */
  close(): void {
    this.#isOpen = false
  }

  /** Sends what this promise brings, unless that is `LATER`. */
  async answer(n: number, answering: Promise<unknown>): Promise<void> {
    const last = await answering.then(
      (answer) => (answer === LATER ? null : { answer }),
      (error) => {
        if (!(error instanceof CanhazgpuError)) this.#parts.failed(error)
        return { error: this.sentError(error) }
      },
    )
    if (last !== null) this.sendLast(n, last)
  }

  /** Sends the answer later. */
  slowly(n: number, turns: SlowTurns, ask: () => Promise<unknown>): typeof LATER {
    const { countedAs: uid } = this.#parts.connection.peer
    const asking = turns.ask({ uid, isWanted: () => this.#isOpen, ask })
    void this.answer(n, asking)
    return LATER
  }

  /** Sends the last message for a request. */
  sendLast(n: number, message: Answer): void {
    this.#unanswered--
    this.send(n, message)
  }

  /** The store's hint to set up a pool is for the account of the daemon, which needs no sudo. */
  errorFor(error: CanhazgpuError): CanhazgpuError {
    const { connection, mayAdminister } = this.#parts
    const isHint = error.code === 'pool-not-initialized' && !mayAdminister(connection.peer.uid)
    return isHint ? noPoolAtDaemon() : error
  }

  sentError(error: unknown) {
    return (error instanceof CanhazgpuError ? this.errorFor(error) : daemonDefect()).toJSON()
  }

  /** Sends a message that need not be the last one. */
  send(n: number, message: Answer): void {
    if (!this.#isOpen) return
    const isWritten = 'answer' in message && message.answer instanceof Written
    const text = isWritten
      ? `{"answer":${message.answer.json},"n":${n}}`
      : JSON.stringify({ ...message, n } satisfies Numbered<Answer>)
    this.#parts.connection.send(text)
  }
}
