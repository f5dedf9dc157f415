import type { CallerSettings } from '../app/remote/protocol.ts'
import { alreadyEnded, unseenProcess } from '../domain/daemon-errors.ts'
import { verifiedIntent } from '../domain/operation/authorisation.ts'
import type { Grant, Intent } from '../domain/operation/intent.ts'
import type { Booking, Millis, Reservation } from '../domain/pool/model.ts'
import type { PoolService } from '../ports/pool-service.ts'
import type { Answers } from './answers.ts'
import type { Caller, Identity } from './caller.ts'
import type { SessionParts } from './session-parts.ts'

/** The other end of one connection: for whom its requests are performed, and what that account was granted. */
export class Requester {
  readonly #parts: SessionParts
  readonly #answers: Pick<Answers, 'isOpen' | 'send'>

  constructor(parts: SessionParts, answers: Pick<Answers, 'isOpen' | 'send'>) {
    this.#parts = parts
    this.#answers = answers
  }

  /** The pool for this account; for a request, with its settings, and warnings go to it. */
  async service(request?: { readonly n: number; readonly caller: CallerSettings }): Promise<PoolService> {
    const { serviceFor } = this.#parts
    const own = await this.caller()
    if (request === undefined) return serviceFor(own)
    const { n, caller } = request
    return serviceFor({ ...caller, ...own, warn: (warning) => this.#answers.send(n, { warning }) })
  }

  /** The account of the other end, and its groups. */
  identity(): Promise<Identity> {
    return this.#parts.identify(this.#parts.connection.peer)
  }

  /** The account with the process of the other end. */
  async caller(): Promise<Caller> {
    return { ...(await this.identity()), process: this.#parts.connection.peer.process }
  }

  /** The intent with the account and the process that the kernel knows. */
  async verified(intent: Intent): Promise<Intent> {
    const { account } = await this.identity()
    const verified = verifiedIntent(intent, account, this.#parts.connection.peer.process)
    if (verified === null) throw unseenProcess()
    await this.checkIsNew(intent.id)
    return verified
  }

  /** A second reservation with this id would have no records of its own. */
  async checkIsNew(id: string): Promise<void> {
    if (await this.#parts.hasEnded(id)) throw alreadyEnded()
  }

  /**
   * Above 0 if this account was granted so much that its records would fill the disk, or if its requests took long to
   * decide: the next one must wait for this time.
   */
  get delay(): Millis {
    const { connection, recordRates, decisionRates, mayAdminister } = this.#parts
    const { uid, countedAs } = connection.peer
    return mayAdminister(uid) ? 0 : Math.max(recordRates.delayOf(countedAs), decisionRates.delayOf(countedAs))
  }

  async pace(): Promise<void> {
    const { delay } = this
    if (delay > 0) await new Promise((resolve) => setTimeout(resolve, delay))
  }

  /** Must be called after each grant. */
  noteGrant({ reservation }: Grant): void {
    this.#parts.commands.granted(reservation, this.#parts.connection)
    this.countRecords(reservation)
  }

  /** Counts what was granted for `pace`. */
  countRecords(granted: Reservation | Booking): void {
    this.#parts.recordRates.granted(this.#parts.connection.peer.countedAs, granted)
  }
}
