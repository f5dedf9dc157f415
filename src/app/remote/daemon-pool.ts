import { daemonDown, daemonStopped } from '../../domain/daemon-errors.ts'
import { CanhazgpuError, type ErrorCode } from '../../domain/errors.ts'
import type { UsageAnswers, UsageQuestion, UsageQuestions } from '../../domain/ledger/usage-question.ts'
import type { Grant, Intent } from '../../domain/operation/intent.ts'
import type { Answers, Operation, PoolOperationName } from '../../domain/operation/operation.ts'
import type { Reason, Refusal } from '../../domain/operation/refusal.ts'
import type { Millis } from '../../domain/pool/model.ts'
import { type Connect, ConnectionFailed, type DaemonConnection } from '../../ports/daemon-connection.ts'
import type { PoolService, Views } from '../../ports/pool-service.ts'
import type { WaitProgress } from '../waiting/wait-progress.ts'
import {
  type AdministrationAction,
  type AdministrationAnswers,
  type Answer,
  type Numbered,
  PROTOCOL_VERSION,
  type Request,
  type SentError,
} from './protocol.ts'

/** How long a request waits for a daemon that is being restarted. */
const RESTART_MS: Millis = 5_000
const RETRY_EVERY_MS: Millis = 50

export interface DaemonPoolParts {
  readonly socket: string
  readonly connect: Connect
  /** Steady time. */
  readonly clock: () => Millis
  /** The memory threshold that the caller requests, MB; null: the pool's. */
  readonly threshold: number | null
}

export interface DaemonWait {
  readonly intent: Intent
  readonly waitFor?: Millis
  readonly onProgress: (progress: WaitProgress) => void
  readonly signal: AbortSignal
}

/** The pool service of the daemon. The daemon takes the account and the process of this client from the kernel. */
export class DaemonPool implements PoolService {
  readonly #parts: DaemonPoolParts
  #link: Promise<Link> | undefined

  constructor(parts: DaemonPoolParts) {
    this.#parts = parts
  }

  async perform<Name extends PoolOperationName>(
    operation: Operation<Name>,
  ): Promise<Answers[Name] | Refusal> {
    const request: Request = { ask: 'perform', operation, threshold: this.#parts.threshold }
    return (await this.#ask(request, isRepeatable(operation.op))) as Answers[Name] | Refusal
  }

  async view<Name extends keyof Views>(view: Name): Promise<Views[Name]> {
    const answer = await this.#ask({ ask: 'view', view, threshold: this.#parts.threshold }, true)
    return withError(answer, 'driverFailure') as Views[Name]
  }

  async usage<Name extends keyof UsageQuestions>(question: UsageQuestion<Name>): Promise<UsageAnswers[Name]> {
    return (await this.#ask({ ask: 'usage', question }, true)) as UsageAnswers[Name]
  }

  async *events(signal: AbortSignal): AsyncIterable<void> {
    while (!signal.aborted) {
      const link = await this.#connected(true)
      const messages = link.request({ ask: 'watch' })
      const stop = () => messages.end()
      signal.addEventListener('abort', stop)
      // The pool may have changed while there was no connection.
      yield
      try {
        while (!signal.aborted && (await messages.next()) !== null) yield
      } finally {
        signal.removeEventListener('abort', stop)
      }
    }
  }

  /**
   * Waits in the queue of the daemon until a grant or a refusal. A waiter that has joined the queue reconnects to a
   * restarted daemon and keeps its place. Aborting leaves the queue and rejects with the signal's reason.
   */
  async wait({ intent, waitFor, onProgress, signal }: DaemonWait): Promise<Grant | Refusal> {
    const { clock, threshold } = this.#parts
    const giveUpAt = clock() + (waitFor ?? Number.POSITIVE_INFINITY)
    let hasJoined = false
    for (;;) {
      const link = await this.#connected(!hasJoined).catch((error) => {
        if (hasJoined && isUnavailable(error)) return null
        throw error
      })
      signal.throwIfAborted()
      if (link === null) {
        if (clock() >= giveUpAt) throw daemonDown(this.#parts.socket)
        await sleep(RETRY_EVERY_MS)
        continue
      }
      const left = waitFor === undefined ? {} : { waitFor: Math.max(0, giveUpAt - clock()) }
      const messages = link.request({ ask: 'wait', intent, threshold, ...left })
      const abort = () => link.close()
      signal.addEventListener('abort', abort)
      try {
        for (;;) {
          const message = await messages.next()
          signal.throwIfAborted()
          if (message === null) break
          hasJoined = true
          if ('progress' in message) onProgress(withError(message.progress, 'driverFailure') as WaitProgress)
          else return answerOf(message) as Grant | Refusal
        }
      } finally {
        signal.removeEventListener('abort', abort)
      }
      if (!hasJoined && clock() >= giveUpAt) throw daemonDown(this.#parts.socket)
    }
  }

  /** Confirms that the grant was received, for a reservation that does not end with this process. */
  async keep(id: string): Promise<void> {
    await this.#ask({ ask: 'keep', id }, true)
  }

  async administer<Name extends AdministrationAction['name']>(
    action: Extract<AdministrationAction, { readonly name: Name }>,
  ): Promise<AdministrationAnswers[Name]> {
    return (await this.#ask(
      { ask: 'administer', action },
      action.name !== 'set-up',
    )) as AdministrationAnswers[Name]
  }

  bounded(): PoolService {
    return this
  }

  close(): void {
    this.#link?.then((link) => link.close()).catch(() => {})
  }

  async #ask(request: Request, isRepeatable: boolean): Promise<unknown> {
    const giveUpAt = this.#parts.clock() + RESTART_MS
    for (;;) {
      const link = await this.#connected(true)
      const answers = link.request(request)
      const message = await answers.next()
      if (message !== null) return answerOf(message)
      if (!isRepeatable) throw daemonStopped()
      if (this.#parts.clock() >= giveUpAt) throw daemonDown(this.#parts.socket)
    }
  }

  /** Throws `daemon-unavailable`; with `patiently` only after the time that a restart takes. */
  async #connected(patiently: boolean): Promise<Link> {
    const giveUpAt = this.#parts.clock() + (patiently ? RESTART_MS : 0)
    for (;;) {
      const known = await this.#link?.catch(() => undefined)
      if (known?.isOpen === true) return known
      try {
        this.#link = this.#parts.connect().then((connection) => new Link(connection))
        return await this.#link
      } catch (error) {
        if (!(error instanceof ConnectionFailed)) throw error
        if (this.#parts.clock() >= giveUpAt) throw daemonDown(this.#parts.socket)
        await sleep(RETRY_EVERY_MS)
      }
    }
  }
}

/** A second performance of these has the effect of one. */
const isRepeatable = (name: PoolOperationName): boolean => name !== 'extend' && name !== 'release'

const isUnavailable = (error: unknown): boolean =>
  error instanceof CanhazgpuError && error.code === 'daemon-unavailable'

/** The messages for one request. */
interface Messages {
  /** Null when the connection has closed or `end` was called. */
  next(): Promise<Answer | null>
  end(): void
}

/** A connection that carries several requests at once. */
class Link {
  readonly #connection: DaemonConnection
  readonly #inboxes = new Map<number, Inbox>()
  #lastNumber = 0
  isOpen = true

  constructor(connection: DaemonConnection) {
    this.#connection = connection
    connection.send(JSON.stringify({ protocol: PROTOCOL_VERSION }))
    void this.#receive()
  }

  request(body: Request): Messages {
    const n = ++this.#lastNumber
    const inbox = new Inbox(() => this.#inboxes.delete(n))
    if (!this.isOpen) inbox.put(null)
    this.#inboxes.set(n, inbox)
    this.#connection.send(JSON.stringify({ ...body, n } satisfies Numbered<Request>))
    return inbox
  }

  async #receive(): Promise<void> {
    for (
      let text = await this.#connection.receive();
      text !== null;
      text = await this.#connection.receive()
    ) {
      const { n, ...message } = JSON.parse(text) as Numbered<Answer>
      // Without a number it is about the connection as a whole.
      for (const [number, inbox] of this.#inboxes) if (n === undefined || n === number) inbox.put(message)
    }
    this.close()
  }

  close(): void {
    if (!this.isOpen) return
    this.isOpen = false
    this.#connection.close()
    for (const inbox of this.#inboxes.values()) inbox.put(null)
  }
}

class Inbox implements Messages {
  readonly #waiting: (Answer | null)[] = []
  readonly #drop: () => void
  #wake: (() => void) | undefined

  constructor(drop: () => void) {
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
    if (message === null || 'answer' in message || 'error' in message) this.#drop()
    return message
  }

  end(): void {
    this.put(null)
  }
}

function answerOf(message: Answer): unknown {
  if ('error' in message) throw received(message.error)
  return 'answer' in message ? message.answer : undefined
}

function received({ code, message, hint, reason }: SentError): CanhazgpuError {
  return new CanhazgpuError(code as ErrorCode, message, {
    ...(hint === undefined ? {} : { hint }),
    ...(reason === undefined ? {} : { reason: reason as Reason }),
  })
}

/** Restores the error in a field of an answer. */
function withError(value: unknown, field: string): unknown {
  const sent = (value as Readonly<Record<string, SentError | undefined>>)[field]
  return sent === undefined ? value : { ...(value as object), [field]: received(sent) }
}

const sleep = (ms: Millis): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))
