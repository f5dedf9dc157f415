import { daemonDown, daemonStopped } from '../../domain/daemon-errors.ts'
import type { UsageAnswers, UsageQuestion, UsageQuestions } from '../../domain/ledger/usage-question.ts'
import { LONGEST_TIMER_MS } from '../../domain/longest-timer.ts'
import type { Grant, Intent } from '../../domain/operation/intent.ts'
import type { Answers, Operation, PoolOperationName } from '../../domain/operation/operation.ts'
import { isRefusal, type Refusal } from '../../domain/operation/refusal.ts'
import type { Millis } from '../../domain/pool/model.ts'
import type { Warn, Warning } from '../../domain/warnings.ts'
import { type Connect, ConnectionFailed } from '../../ports/daemon-connection.ts'
import type { PoolService, Views } from '../../ports/pool-service.ts'
import type { WaitProgress } from '../waiting/wait-progress.ts'
import { answerOf, withError } from './answers.ts'
import { Link } from './link.ts'
import { Outage, RESTART_MS, sleep } from './outage.ts'
import type {
  AdministrationAction,
  AdministrationAnswers,
  Answer,
  CallerSettings,
  Request,
} from './protocol.ts'

/** How long an interrupted waiter waits until its queue entry is removed. */
const LEAVE_WITHIN_MS: Millis = 1_000

export interface DaemonPoolParts {
  readonly socket: string
  readonly connect: Connect
  /** Steady time. */
  readonly clock: () => Millis
  readonly caller: CallerSettings
  readonly warn: Warn
}

type WaitRequest = Extract<Request, { readonly ask: 'wait' }>

export interface DaemonWait {
  readonly intent: Intent
  readonly waitFor?: Millis
  readonly onProgress: (progress: WaitProgress) => void
  readonly signal: AbortSignal
  /** Whether this process has an entry in the queue already, and waits for the daemon however long it is down. */
  readonly isQueued?: boolean
  /** Called once in an outage that is longer than a restart, with its duration so far. */
  readonly onAway?: (ms: Millis) => void
  /** Called from time to time while a waiter in the queue has no connection. */
  readonly onOutage?: () => Promise<void>
}

/** The pool service of the daemon. The daemon takes the account and the process of this client from the kernel. */
export class DaemonPool implements PoolService {
  readonly #parts: DaemonPoolParts
  #link: Promise<Link | null> | undefined
  #connecting: Promise<Link | null> | undefined
  #hasWarned = false

  constructor(parts: DaemonPoolParts) {
    this.#parts = parts
  }

  async perform<Name extends PoolOperationName>(
    operation: Operation<Name>,
  ): Promise<Answers[Name] | Refusal> {
    const request: Request = { ask: 'perform', operation, caller: this.#parts.caller }
    let isRepeated = false
    const onRepeat = () => {
      isRepeated = true
    }
    const answer = await this.#ask(request, isRepeatable(operation.op), onRepeat)
    const isDone = isRepeated && operation.op === 'cancel' && isEnded(answer)
    return (isDone ? { kind: 'ended' } : answer) as Answers[Name] | Refusal
  }

  async view<Name extends keyof Views>(view: Name): Promise<Views[Name]> {
    const answer = await this.#ask({ ask: 'view', view, caller: this.#parts.caller }, true)
    return withError(answer, 'driverFailure') as Views[Name]
  }

  async usage<Name extends keyof UsageQuestions>(question: UsageQuestion<Name>): Promise<UsageAnswers[Name]> {
    return (await this.#ask({ ask: 'usage', question }, true)) as UsageAnswers[Name]
  }

  async *events(signal: AbortSignal): AsyncIterable<void> {
    const outage = new Outage(this.#parts.clock)
    while (!signal.aborted) {
      const link = await this.#connected()
      if (link !== null) {
        yield* changesOn(link, signal)
        outage.end()
      }
      await outage.pause()
    }
  }

  /**
   * Waits in the queue of the daemon until a grant or a refusal. A waiter that the daemon has received reconnects to a
   * restarted daemon, however long the outage is, and keeps its place. Aborting leaves the queue and rejects with the
   * signal's reason.
   */
  async wait(wait: DaemonWait): Promise<Grant | Refusal> {
    const closeAfter = (wait.waitFor ?? Number.POSITIVE_INFINITY) + RESTART_MS
    // The daemon ends the wait in time, unless it is stopped. A longer wait keeps its connection.
    const overdue = closeAfter > LONGEST_TIMER_MS ? undefined : setTimeout(() => this.close(), closeAfter)
    try {
      return await this.#wait(wait)
    } finally {
      clearTimeout(overdue)
    }
  }

  async #wait({
    intent,
    waitFor,
    onProgress,
    signal,
    isQueued = false,
    onAway = () => {},
    onOutage,
  }: DaemonWait): Promise<Grant | Refusal> {
    const { clock, caller, socket } = this.#parts
    const giveUpAt = clock() + (waitFor ?? Number.POSITIVE_INFINITY)
    const outage = new Outage(clock)
    let hasJoined = isQueued
    while (hasJoined ? clock() < giveUpAt : !outage.isLong) {
      const link = await this.#connected()
      const left = waitFor === undefined ? {} : { waitFor: Math.max(0, giveUpAt - clock()) }
      const request: WaitRequest = { ask: 'wait', intent, caller, ...left }
      for await (const message of messagesOfWait(link, request, signal)) {
        // A daemon that has just restarted may not be able to serve this waiter yet; its entry is still in the queue.
        if (hasJoined && 'error' in message && message.error.code === 'daemon-unavailable') break
        hasJoined = true
        outage.end()
        if ('progress' in message) onProgress(withError(message.progress, 'driverFailure') as WaitProgress)
        else return answerOf(message) as Grant | Refusal
      }
      if (link?.hasAnswered === true) {
        // It may have queued the request before it ended.
        hasJoined = true
        outage.end()
      }
      if (hasJoined) outage.report(onAway)
      await outage.pause(signal)
      if (hasJoined) await onOutage?.()
    }
    throw daemonDown(socket)
  }

  /**
   * Confirms that the grant of a manual reservation was received. Without it, the daemon that made the grant ends the
   * reservation when the connection closes. Throws `daemon-unavailable` if that has happened.
   */
  async keep(id: string): Promise<void> {
    const link = await this.#link?.catch(() => null)
    const answer = link?.isOpen === true ? await link.request({ ask: 'keep', id }).next() : null
    if (answer !== null) return
    // The connection has closed, so the daemon may be about to end the reservation.
    await this.#ask({ ask: 'keep', id }, true)
    const { pool } = await this.view('stored')
    if (!pool.reservations.some((held) => held.id === id)) throw daemonStopped()
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
    this.#link?.then((link) => link?.close()).catch(() => {})
  }

  async #ask(request: Request, isRepeatable: boolean, onRepeat?: () => void): Promise<unknown> {
    const { clock, socket } = this.#parts
    const outage = new Outage(clock)
    do {
      const link = await this.#connected()
      const message = await link?.request(request).next()
      if (message !== undefined && message !== null) return answerOf(message)
      if (message === null && !isRepeatable) throw daemonStopped()
      if (message === null) onRepeat?.()
      await outage.pause()
    } while (!outage.isLong)
    throw daemonDown(socket)
  }

  /** One connection for all requests. Null if the daemon does not answer. */
  async #connected(): Promise<Link | null> {
    const known = await this.#link?.catch(() => null)
    if (known?.isOpen === true) return known
    // Another request may be connecting already.
    if (this.#connecting === undefined) {
      this.#link = this.#connect().finally(() => {
        this.#connecting = undefined
      })
      this.#connecting = this.#link
    }
    return this.#connecting
  }

  async #connect(): Promise<Link | null> {
    try {
      const { connect, clock } = this.#parts
      return new Link(await connect(), { warn: (warning) => this.#warnOnce(warning), clock })
    } catch (error) {
      if (error instanceof ConnectionFailed) return null
      throw error
    }
  }

  /** The daemon repeats the warning for each request. */
  #warnOnce(warning: Warning): void {
    if (!this.#hasWarned) this.#parts.warn(warning)
    this.#hasWarned = true
  }
}

/**
 * The messages for one wait, until the connection closes; none without a connection. Leaves the queue and throws if it
 * is aborted.
 */
async function* messagesOfWait(
  link: Link | null,
  request: WaitRequest,
  signal: AbortSignal,
): AsyncIterable<Answer> {
  signal.throwIfAborted()
  if (link === null) return
  const messages = link.request(request)
  let leaving: Promise<void> | undefined
  const abort = () => {
    leaving = leave(link, request.intent.id)
  }
  signal.addEventListener('abort', abort)
  try {
    for (;;) {
      const message = await messages.next()
      if (signal.aborted) break
      if (message === null) return
      yield message
    }
    await leaving
    signal.throwIfAborted()
  } finally {
    signal.removeEventListener('abort', abort)
  }
}

/** Leaves the queue. A slow daemon does it when the connection closes. */
async function leave(link: Link, id: string): Promise<void> {
  await Promise.race([link.request({ ask: 'leave', id }).next(), sleep(LEAVE_WITHIN_MS)])
  link.close()
}

async function* changesOn(link: Link, signal: AbortSignal): AsyncIterable<void> {
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

const isEnded = (answer: unknown): boolean => isRefusal(answer) && answer.refused.code === 'no-such-booking'

/** Whether performing the operation twice has the same effect as performing it once. */
const isRepeatable = (name: PoolOperationName): boolean => name !== 'extend' && name !== 'release'
