import { tooManyRequests, unseenProcess } from '../domain/daemon-errors.ts'
import { CanhazgpuError } from '../domain/errors.ts'
import { isRefusal } from '../domain/operation/refusal.ts'
import { type Answers, LATER } from './answers.ts'
import type { Requester } from './requester.ts'
import type { Asked } from './requests.ts'
import type { SessionParts } from './session-parts.ts'
import type { Waiter } from './waiters.ts'

export interface ConnectionWaitsParts
  extends Pick<SessionParts, 'connection' | 'waiters' | 'failed' | 'isGone'> {
  readonly answers: Answers
  readonly requester: Requester
  /** The maximum number of grants that the client has not confirmed. */
  readonly mostUnconfirmed: number
  /** Closes the connection with an error. */
  readonly refuse: (error: CanhazgpuError) => void
}

/** The requests of one connection that wait in the queue. */
export class ConnectionWaits {
  readonly #parts: ConnectionWaitsParts
  readonly #waiting = new Set<Waiter>()
  /** By id: those with a manual reservation whose grant the client has not confirmed. */
  readonly #unconfirmed = new Map<string, Waiter>()

  constructor(parts: ConnectionWaitsParts) {
    this.#parts = parts
  }

  /** Must be called when the connection has closed. */
  closed(): void {
    for (const waiter of this.#waiting) this.#parts.waiters.leave(waiter).catch(this.#parts.failed)
    for (const waiter of this.#unconfirmed.values()) void this.#parts.waiters.giveBack(waiter)
  }

  /** Lets the request wait. Answers when it has ended. */
  async wait({ n, intent, waitFor, caller }: Asked<'wait'>): Promise<unknown> {
    const { waiters, connection, answers, requester, mostUnconfirmed, refuse } = this.#parts
    const { process } = connection.peer
    if (process === null) throw unseenProcess()
    const service = await requester.service({ n, caller })
    const verified = await requester.verified(intent)
    const waiter: Waiter = {
      intent: verified,
      ticket: { process, ...(waitFor === undefined ? {} : { waitFor }) },
      service,
      report: (progress) => answers.send(n, { progress }),
      finish: (answer) => {
        if (!this.#waiting.delete(waiter) || !answers.isOpen) return false
        if (!(answer instanceof CanhazgpuError || isRefusal(answer))) {
          requester.noteGrant(answer)
          if (answer.reservation.term.kind === 'manual') this.#unconfirmed.set(verified.id, waiter)
        }
        answers.sendLast(
          n,
          answer instanceof CanhazgpuError ? { error: answers.sentError(answer) } : { answer },
        )
        return true
      },
    }
    if (!answers.isOpen) return LATER
    if (this.#unconfirmed.size >= mostUnconfirmed) {
      refuse(tooManyRequests(mostUnconfirmed))
      return LATER
    }
    this.#waiting.add(waiter)
    await waiters.join(waiter)
    return LATER
  }

  /** Ends the wait; ends the reservation too if it was granted meanwhile. */
  async leave(id: string): Promise<null> {
    const waiter = [...this.#waiting].find(({ intent }) => intent.id === id)
    if (waiter === undefined) {
      await (await this.#parts.requester.service()).perform({ op: 'leave', id })
    } else {
      this.#waiting.delete(waiter)
      this.#parts.answers.omit()
      await this.#parts.waiters.leave(waiter)
    }
    return null
  }

  /** The client confirms a grant. */
  async keep(id: string): Promise<null> {
    const { connection, isGone, requester, waiters } = this.#parts
    // It ended before this was read, so its user does not know of the grant. `closed` ends the reservation.
    if (isGone(connection.peer.process)) throw unseenProcess()
    this.#unconfirmed.delete(id)
    const { account } = await requester.identity()
    await waiters.keep(account.uid, id)
    return null
  }
}
