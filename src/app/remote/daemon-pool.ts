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
import { Outage, RESTART_MS } from './outage.ts'
import type {
  AdministrationAction,
  AdministrationAnswers,
  Answer,
  CallerSettings,
  Request,
} from './protocol.ts'
import { messagesOfWait, patientAnswer, type WaitRequest } from './wait-messages.ts'

export interface DaemonPoolParts {
  readonly socket: string
  readonly connect: Connect
  /** Steady time. */
  readonly clock: () => Millis
  readonly caller: CallerSettings
  readonly warn: Warn
}

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

/** How a request waits for a daemon without a limit. */
export type Patience = Pick<DaemonWait, 'signal'> & Required<Pick<DaemonWait, 'onAway'>>

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
   * restarted daemon, however long the outage is, and keeps its place. It never closes its connection to a silent
   * daemon, because a slow one would take that for the end of the wait. Aborting leaves the queue and rejects with the
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
      const isPatient = hasJoined
      const onSilence = () => {
        if (isPatient && link?.hasAnswered === false) outage.report(onAway)
      }
      for await (const message of messagesOfWait(link, request, { isPatient, signal, onSilence })) {
        // A daemon that has just restarted may not be able to serve this waiter yet; its entry is still in the queue.
        if (hasJoined && isUnavailable(message)) break
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
   * reservation when the connection closes. Throws `daemon-unavailable` if that has happened. Waits for the daemon
   * however long it takes; returns early if it is aborted.
   */
  async keep(id: string, patience: Patience): Promise<void> {
    const wasOpen = (await this.#link?.catch(() => null))?.isOpen === true
    const kept = await this.#askPatiently({ ask: 'keep', id }, patience)
    if (kept === null || (wasOpen && !kept.isRepeated)) return
    // The connection has closed, so the daemon may have ended the reservation.
    const stored: Request = { ask: 'view', view: 'stored', caller: this.#parts.caller }
    const read = await this.#askPatiently(stored, patience)
    if (read === null) return
    const { pool } = read.answer as Views['stored']
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

  /** Asks until a daemon answers. Null if it is aborted. */
  async #askPatiently(
    request: Request,
    { signal, onAway }: Patience,
  ): Promise<{ readonly answer: unknown; readonly isRepeated: boolean } | null> {
    const outage = new Outage(this.#parts.clock)
    for (let isRepeated = false; !signal.aborted; isRepeated = true) {
      const link = await this.#connected()
      const onSilence = () => outage.report(onAway)
      const message = link === null ? null : await patientAnswer(link, request, { signal, onSilence })
      if (message !== null && !isUnavailable(message)) return { answer: answerOf(message), isRepeated }
      outage.report(onAway)
      await outage.pause()
    }
    return null
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

const isUnavailable = (message: Answer): boolean =>
  'error' in message && message.error.code === 'daemon-unavailable'

const isEnded = (answer: unknown): boolean => isRefusal(answer) && answer.refused.code === 'no-such-booking'

/** Whether performing the operation twice has the same effect as performing it once. */
const isRepeatable = (name: PoolOperationName): boolean => name !== 'extend' && name !== 'release'
