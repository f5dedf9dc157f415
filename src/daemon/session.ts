import type { Administration } from '../app/administration.ts'
import type {
  AdministrationAction,
  Answer,
  CallerSettings,
  Greeting,
  Numbered,
} from '../app/remote/protocol.ts'
import { OLDEST_PROTOCOL_VERSION, PROTOCOL_VERSION } from '../app/remote/protocol.ts'
import {
  alreadyEnded,
  daemonDefect,
  noPoolAtDaemon,
  notAdministrator,
  otherVersion,
  tooManyRequests,
  tooManyWaitingRequests,
  unknownRequest,
  unseenProcess,
} from '../domain/daemon-errors.ts'
import { CanhazgpuError } from '../domain/errors.ts'
import type { UsageQuestion } from '../domain/ledger/usage-question.ts'
import { verifiedIntent } from '../domain/operation/authorisation.ts'
import type { Grant, Intent } from '../domain/operation/intent.ts'
import { isRefusal } from '../domain/operation/refusal.ts'
import type { Booking, ProcessIdentity, Reservation } from '../domain/pool/model.ts'
import type { ClientConnection, Credentials, Receiver } from '../ports/daemon-listener.ts'
import type { PoolService } from '../ports/pool-service.ts'
import type { Caller, Identity } from './caller.ts'
import type { Commands } from './commands.ts'
import { ConnectionWatches, type ConnectionWatchesParts } from './connection-watches.ts'
import type { Task } from './fair-turns.ts'
import type { RecordRates } from './record-rates.ts'
import {
  type CheckedRequest,
  type ClientOperation,
  isAdministrative,
  protocolIn,
  requestIn,
} from './requests.ts'
import type { SlowTurns } from './slow-turns.ts'
import type { Waiter, Waiters } from './waiters.ts'

/** The maximum number of unanswered requests of one connection. */
const MOST_UNANSWERED = 64
const LONGEST_GREETING = 64

export interface SessionParts {
  readonly connection: ClientConnection
  /** The version of this program. */
  readonly version: string
  readonly waiters: Waiters
  readonly commands: Commands
  /** Who acts for the other end of a connection. */
  readonly identify: (peer: Credentials) => Promise<Identity>
  /** Whether this account may change the pool's rules. */
  readonly mayAdminister: (uid: number) => boolean
  readonly administrationFor: (caller: Caller) => Administration
  readonly serviceFor: (caller: Caller) => PoolService
  /** Whether the process, if it is known, has exited. */
  readonly isGone: (process: ProcessIdentity | null) => boolean
  /** Answers as `PoolService.usage`, in JSON, in a process of its own. */
  readonly history: (question: UsageQuestion) => Promise<string>
  readonly historyTurns: SlowTurns
  readonly queueTurns: SlowTurns
  readonly recordRates: RecordRates
  /** Whether a reservation with this id has existed before. */
  readonly hasEnded: (id: string) => Promise<boolean>
  /** Performs a task, which must not reject, when it is this account's turn. False if too many wait already. */
  readonly inTurn: (uid: number, task: Task) => boolean
  /** The same for a task that waits for nothing. It does not wait until the requests of this account are performed. */
  readonly soon: SessionParts['inTurn']
  readonly onChange: ConnectionWatchesParts['onChange']
  /** Whether the daemon is about to exit, which closes all connections. */
  readonly isStopping: () => boolean
  readonly failed: (error: unknown) => void
}

type Asked<Ask extends CheckedRequest['ask']> = Extract<CheckedRequest, { readonly ask: Ask }>

/** Answers the requests of one connection. */
export class Session implements Receiver {
  readonly #parts: SessionParts
  #hasGreeted = false
  #isOpen = true
  #unanswered = 0
  readonly #waiting = new Set<Waiter>()
  /** By id: those with a manual reservation whose grant the client has not confirmed. */
  readonly #unconfirmed = new Map<string, Waiter>()
  readonly #watches: ConnectionWatches

  constructor(parts: SessionParts) {
    this.#parts = parts
    this.#watches = new ConnectionWatches({
      onChange: parts.onChange,
      notify: (n) => this.#send(n, { changed: true }),
    })
  }

  receive(message: string): void {
    if (!this.#isOpen) return
    if (!this.#hasGreeted) {
      this.#greet(protocolIn(message))
      return
    }
    const { inTurn, soon } = this.#parts
    // A client greets again to see whether the daemon still answers.
    const protocol = message.length <= LONGEST_GREETING ? protocolIn(message) : null
    if (protocol !== null)
      this.#accept(soon, { size: message.length, perform: () => this.#greetAgain(protocol) })
    // Reading a long request takes time, so that waits for its turn too.
    else this.#accept(inTurn, { size: message.length, perform: () => this.#answer(message) })
  }

  /** Lets a request wait for its turn. */
  #accept(inTurn: SessionParts['inTurn'], task: Task): void {
    if (this.#unanswered >= MOST_UNANSWERED) this.#refuse(tooManyRequests(MOST_UNANSWERED))
    else if (!inTurn(this.#parts.connection.peer.countedAs, task)) this.#refuse(tooManyWaitingRequests())
    else this.#unanswered++
  }

  closed(): void {
    if (!this.#isOpen) return
    this.#isOpen = false
    this.#parts.commands.disconnected(this)
    this.#watches.clear()
    for (const waiter of this.#waiting) this.#parts.waiters.leave(waiter).catch(this.#parts.failed)
    for (const waiter of this.#unconfirmed.values()) void this.#parts.waiters.giveBack(waiter)
  }

  #greet(protocol: number | null): void {
    const isSupported =
      protocol !== null && protocol >= OLDEST_PROTOCOL_VERSION && protocol <= PROTOCOL_VERSION
    if (!isSupported) {
      this.#refuse(otherVersion())
      return
    }
    this.#hasGreeted = true
    const { connection, version } = this.#parts
    connection.send(JSON.stringify({ protocol: PROTOCOL_VERSION, version } satisfies Greeting))
  }

  async #greetAgain(protocol: number): Promise<void> {
    this.#unanswered--
    if (this.#isOpen) this.#greet(protocol)
  }

  /** Closes the connection with an error. */
  #refuse(error: CanhazgpuError): void {
    this.#parts.connection.end(JSON.stringify({ error }))
    this.closed()
  }

  async #answer(message: string): Promise<void> {
    if (!this.#isOpen) return
    const request = requestIn(message)
    if (request === null) {
      this.#refuse(unknownRequest())
      return
    }
    await this.#sendAnswer(request.n, this.#answerTo(request))
  }

  async #sendAnswer(n: number, answering: Promise<unknown>): Promise<void> {
    const last = await answering.then(
      (answer) => (answer === LATER ? null : { answer }),
      (error) => {
        if (!(error instanceof CanhazgpuError)) this.#parts.failed(error)
        return { error: this.#sentError(error) }
      },
    )
    if (last !== null) this.#sendLast(n, last)
  }

  /** Sends the answer later. */
  #slowly(n: number, turns: SlowTurns, ask: () => Promise<unknown>): typeof LATER {
    const { countedAs: uid } = this.#parts.connection.peer
    const asking = turns.ask({ uid, isWanted: () => this.#isOpen, ask })
    void this.#sendAnswer(n, asking)
    return LATER
  }

  #sendLast(n: number, message: Answer): void {
    this.#unanswered--
    this.#send(n, message)
  }

  async #answerTo(request: CheckedRequest): Promise<unknown> {
    const { history, historyTurns, queueTurns } = this.#parts
    switch (request.ask) {
      case 'perform':
        return this.#perform(request)
      case 'view':
        if (request.view !== 'queue') return (await this.#service(request)).view(request.view)
        return this.#slowly(request.n, queueTurns, async () => (await this.#service(request)).view('queue'))
      case 'usage':
        return this.#slowly(request.n, historyTurns, async () => new Written(await history(request.question)))
      case 'wait':
        return this.#wait(request)
      case 'leave':
        return this.#leave(request.id)
      case 'keep':
        return this.#keep(request.id)
      case 'administer':
        return this.#administer(request.action)
      case 'watch':
        if (!this.#watches.add(request.n)) this.#refuse(tooManyRequests(MOST_UNANSWERED))
        return LATER
      case 'unwatch':
        if (this.#watches.remove(request.watch)) this.#unanswered--
        return null
    }
  }

  async #perform({ n, operation, caller }: Asked<'perform'>): Promise<unknown> {
    const { connection, mayAdminister, isGone } = this.#parts
    if (isAdministrative(operation) && !mayAdminister(connection.peer.uid)) throw notAdministrator()
    if ('intent' in operation) await this.#pace()
    const service = await this.#service({ n, caller })
    const verified = await this.#verifiedOperation(operation)
    // It was killed before its request was read.
    if (isGone(connection.peer.process)) throw unseenProcess()
    if (!('intent' in verified)) return service.perform(verified)
    const answer = await service.perform(verified)
    if (isRefusal(answer)) return answer
    if ('reservation' in answer) this.#noteGrant(answer)
    else if ('grant' in answer) this.#noteGrant(answer.grant)
    else if ('holdings' in answer) this.#countRecords(answer)
    return answer
  }

  /** Waits if this account was granted so much that its records would fill the disk. */
  async #pace(): Promise<void> {
    const { connection, recordRates, mayAdminister } = this.#parts
    const { uid, countedAs } = connection.peer
    const delay = mayAdminister(uid) ? 0 : recordRates.delayOf(countedAs)
    if (delay > 0) await new Promise((resolve) => setTimeout(resolve, delay))
    if (!this.#isOpen) throw unseenProcess()
  }

  async #verifiedOperation(operation: ClientOperation): Promise<ClientOperation> {
    if (operation.op === 'book') {
      const { account } = await this.#identity()
      await this.#checkIsNew(operation.intent.id)
      return { ...operation, intent: verifiedIntent(operation.intent, account, null) }
    }
    return 'intent' in operation
      ? { ...operation, intent: await this.#verified(operation.intent) }
      : operation
  }

  #noteGrant({ reservation }: Grant): void {
    this.#parts.commands.granted(reservation, this)
    this.#countRecords(reservation)
  }

  #countRecords(granted: Reservation | Booking): void {
    this.#parts.recordRates.granted(this.#parts.connection.peer.countedAs, granted)
  }

  async #keep(id: string): Promise<null> {
    const { connection, isGone } = this.#parts
    // It ended before this was read, so its user does not know of the grant. `closed` ends the reservation.
    if (isGone(connection.peer.process)) throw unseenProcess()
    this.#unconfirmed.delete(id)
    const { account } = await this.#identity()
    await this.#parts.waiters.keep(account.uid, id)
    return null
  }

  async #administer(action: AdministrationAction): Promise<unknown> {
    const { connection, mayAdminister, administrationFor } = this.#parts
    const { uid } = connection.peer
    // A check reads the whole database, and starts the programs of all drivers.
    if (action.name !== 'settings' && !mayAdminister(uid)) throw notAdministrator()
    const administration = administrationFor(await this.#caller())
    switch (action.name) {
      case 'set-up':
        return administration.setUp(action.wanted)
      case 'check':
        return administration.check()
      case 'settings':
        return administration.settings()
      case 'set-policy':
        if (!mayAdminister(uid)) throw notAdministrator()
        return administration.setPolicy(action.change, action.reason)
    }
  }

  async #wait({ n, intent, waitFor, caller }: Asked<'wait'>): Promise<unknown> {
    const { waiters, connection } = this.#parts
    const { process } = connection.peer
    if (process === null) throw unseenProcess()
    await this.#pace()
    const service = await this.#service({ n, caller })
    const verified = await this.#verified(intent)
    const waiter: Waiter = {
      intent: verified,
      ticket: { process, ...(waitFor === undefined ? {} : { waitFor }) },
      service,
      report: (progress) => this.#send(n, { progress }),
      finish: (answer) => {
        if (!this.#waiting.delete(waiter) || !this.#isOpen) return false
        if (!(answer instanceof CanhazgpuError || isRefusal(answer))) {
          this.#noteGrant(answer)
          if (answer.reservation.term.kind === 'manual') this.#unconfirmed.set(verified.id, waiter)
        }
        this.#sendLast(n, answer instanceof CanhazgpuError ? { error: this.#sentError(answer) } : { answer })
        return true
      },
    }
    if (!this.#isOpen) return LATER
    if (this.#unconfirmed.size >= MOST_UNANSWERED) {
      this.#refuse(tooManyRequests(MOST_UNANSWERED))
      return LATER
    }
    this.#waiting.add(waiter)
    await waiters.join(waiter)
    return LATER
  }

  /** Ends the wait; ends the reservation too if it was granted meanwhile. */
  async #leave(id: string): Promise<null> {
    const waiter = [...this.#waiting].find(({ intent }) => intent.id === id)
    if (waiter === undefined) {
      await (await this.#service()).perform({ op: 'leave', id })
    } else {
      this.#waiting.delete(waiter)
      this.#unanswered--
      await this.#parts.waiters.leave(waiter)
    }
    return null
  }

  async #service(request?: { readonly n: number; readonly caller: CallerSettings }): Promise<PoolService> {
    const { serviceFor } = this.#parts
    const own = await this.#caller()
    if (request === undefined) return serviceFor(own)
    const { n, caller } = request
    return serviceFor({ ...caller, ...own, warn: (warning) => this.#send(n, { warning }) })
  }

  #identity(): Promise<Identity> {
    return this.#parts.identify(this.#parts.connection.peer)
  }

  async #caller(): Promise<Caller> {
    return { ...(await this.#identity()), process: this.#parts.connection.peer.process }
  }

  async #verified(intent: Intent): Promise<Intent> {
    const { account } = await this.#identity()
    const verified = verifiedIntent(intent, account, this.#parts.connection.peer.process)
    if (verified === null) throw unseenProcess()
    await this.#checkIsNew(intent.id)
    return verified
  }

  /** A second reservation with this id would have no records of its own. */
  async #checkIsNew(id: string): Promise<void> {
    if (await this.#parts.hasEnded(id)) throw alreadyEnded()
  }

  /** The store's hint to set up a pool is for the account of the daemon, which needs no sudo. */
  #sentError(error: unknown) {
    if (!(error instanceof CanhazgpuError)) return daemonDefect().toJSON()
    const { connection, mayAdminister } = this.#parts
    const isHint = error.code === 'pool-not-initialized' && !mayAdminister(connection.peer.uid)
    return (isHint ? noPoolAtDaemon() : error).toJSON()
  }

  #send(n: number, message: Answer): void {
    if (!this.#isOpen) return
    const isWritten = 'answer' in message && message.answer instanceof Written
    const text = isWritten
      ? `{"answer":${message.answer.json},"n":${n}}`
      : JSON.stringify({ ...message, n } satisfies Numbered<Answer>)
    this.#parts.connection.send(text)
  }
}

/** An answer in JSON. */
class Written {
  readonly json: string

  constructor(json: string) {
    this.json = json
  }
}

/** The answer is sent later. */
const LATER = Symbol('later')
