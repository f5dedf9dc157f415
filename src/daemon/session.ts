import type { Greeting } from '../app/remote/protocol.ts'
import { OLDEST_PROTOCOL_VERSION, PROTOCOL_VERSION } from '../app/remote/protocol.ts'
import {
  otherVersion,
  tooManyRequests,
  tooManyWaitingRequests,
  unknownRequest,
} from '../domain/daemon-errors.ts'
import type { CanhazgpuError } from '../domain/errors.ts'
import type { Receiver } from '../ports/daemon-listener.ts'
import { Answers, LATER, Written } from './answers.ts'
import { ConnectionOperations } from './connection-operations.ts'
import { ConnectionWaits } from './connection-waits.ts'
import { ConnectionWatches } from './connection-watches.ts'
import type { Task } from './fair-turns.ts'
import { Requester } from './requester.ts'
import { asksForGpus, type CheckedRequest, protocolIn, requestIn } from './requests.ts'
import { ServedPool } from './served-pool.ts'
import type { SessionParts } from './session-parts.ts'

/** The maximum number of unanswered requests of one connection. */
const MOST_UNANSWERED = 64
const LONGEST_GREETING = 64

/** Answers the requests of one connection. */
export class Session implements Receiver {
  readonly #parts: SessionParts
  #hasGreeted = false
  readonly #answers: Answers
  readonly #requester: Requester
  readonly #operations: ConnectionOperations
  readonly #waits: ConnectionWaits
  readonly #watches: ConnectionWatches

  constructor(parts: SessionParts) {
    this.#parts = parts
    const answers = new Answers(parts)
    const requester = new Requester(parts, answers)
    this.#answers = answers
    this.#requester = requester
    this.#operations = new ConnectionOperations(parts, requester)
    this.#waits = new ConnectionWaits({
      ...{ connection: parts.connection, waiters: parts.waiters, failed: parts.failed, isGone: parts.isGone },
      ...{ answers, requester, mostUnconfirmed: MOST_UNANSWERED },
      refuse: (error) => this.#refuse(error),
    })
    this.#watches = new ConnectionWatches({
      onChange: parts.onChange,
      notify: (n) => answers.send(n, { changed: true }),
    })
  }

  receive(message: string): void {
    if (!this.#answers.isOpen) return
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
    if (this.#answers.unanswered >= MOST_UNANSWERED) this.#refuse(tooManyRequests(MOST_UNANSWERED))
    else if (!inTurn(this.#parts.connection.peer.countedAs, task)) this.#refuse(tooManyWaitingRequests())
    else this.#answers.expect()
  }

  closed(): void {
    if (!this.#answers.isOpen) return
    this.#answers.close()
    this.#parts.commands.disconnected(this.#parts.connection)
    this.#watches.clear()
    this.#waits.closed()
  }

  #greet(protocol: number | null): void {
    const isSupported =
      protocol !== null && protocol >= OLDEST_PROTOCOL_VERSION && protocol <= PROTOCOL_VERSION
    if (!isSupported) {
      this.#refuse(otherVersion())
      return
    }
    const isFirst = !this.#hasGreeted
    this.#hasGreeted = true
    const { connection, version } = this.#parts
    const greeting = JSON.stringify({ protocol: PROTOCOL_VERSION, version } satisfies Greeting)
    // The answer to a command or view often follows at once. Each write wakes the client.
    if (isFirst) connection.sendSoon(greeting)
    else connection.send(greeting)
  }

  async #greetAgain(protocol: number): Promise<void> {
    this.#answers.omit()
    if (this.#answers.isOpen) this.#greet(protocol)
  }

  /** Closes the connection with an error. */
  #refuse(error: CanhazgpuError): void {
    this.#parts.connection.end(JSON.stringify({ error }))
    this.closed()
  }

  async #answer(message: string): Promise<void> {
    if (!this.#answers.isOpen) return
    const request = requestIn(message)
    if (request === null) {
      this.#refuse(unknownRequest())
      return
    }
    // A waiter that was greeted stays, however long a stopped daemon is silent. So it must not queue without a greeting.
    if (request.ask !== 'command' && request.ask !== 'view') this.#parts.connection.flush()
    if (asksForGpus(request) && this.#requester.delay > 0) this.#answerPaced(request, message.length)
    else await this.#answers.answer(request.n, this.#answerTo(request))
  }

  /** The other requests of this account, and those of others, must not wait until it may be granted GPUs again. */
  #answerPaced(request: CheckedRequest, size: number): void {
    const { inTurn, paced, connection } = this.#parts
    const { countedAs } = connection.peer
    const refuse = () => this.#refuse(tooManyWaitingRequests())
    const answer = () => this.#answers.answer(request.n, this.#answerTo(request))
    const perform = async () => {
      await this.#requester.pace()
      if (!this.#answers.isOpen) return
      // The next one is paced by what is granted to this one.
      await new Promise<void>((resolve) => {
        const task = { size, perform: () => answer().finally(resolve) }
        if (inTurn(countedAs, task)) return
        refuse()
        resolve()
      })
    }
    if (!paced(countedAs, { size, perform })) refuse()
  }

  async #answerTo(request: CheckedRequest): Promise<unknown> {
    const { history, historyTurns, queueTurns } = this.#parts
    switch (request.ask) {
      case 'perform':
        return this.#operations.perform(request)
      case 'view':
        if (request.view !== 'queue') return (await this.#requester.service(request)).view(request.view)
        return this.#answers.slowly(request.n, queueTurns, async () =>
          (await this.#requester.service(request)).view('queue'),
        )
      case 'command':
        return this.#parts.serveCommand(
          request.command,
          (settings, warn) => new ServedPool(this.#parts, this.#answers, settings, warn),
        )
      case 'usage':
        return this.#answers.slowly(
          request.n,
          historyTurns,
          async () => new Written(await history(request.question)),
        )
      case 'wait':
        return this.#waits.wait(request)
      case 'leave':
        return this.#waits.leave(request.id)
      case 'keep':
        return this.#waits.keep(request.id)
      case 'administer':
        return this.#operations.administer(request.action)
      case 'watch':
        if (!this.#watches.add(request.n)) this.#refuse(tooManyRequests(MOST_UNANSWERED))
        return LATER
      case 'unwatch':
        if (this.#watches.remove(request.watch)) this.#answers.omit()
        return null
    }
  }
}
