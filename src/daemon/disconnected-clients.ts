import type { Intent } from '../domain/operation/intent.ts'
import type { Millis } from '../domain/pool/model.ts'
import type { PoolService } from '../ports/pool-service.ts'

/** Time until a failed attempt is repeated. */
const TRY_AGAIN_EVERY_MS: Millis = 5_000

interface Client {
  readonly intent: Intent
  /** The pool for the account of this client. */
  readonly service: PoolService
}

interface Ending {
  attempt: Promise<unknown>
}

export interface DisconnectedClientsParts {
  /** Whether the daemon is about to exit. */
  readonly isStopping: () => boolean
  /** Reports a failure to the log. */
  readonly log: (error: unknown) => void
}

/** Ends the queue entries and reservations of clients that have disconnected. */
export class DisconnectedClients {
  readonly #parts: DisconnectedClientsParts
  /** The attempts to end entries and reservations, by `keyOf`. */
  readonly #endings = new Map<string, Ending>()

  constructor(parts: DisconnectedClientsParts) {
    this.#parts = parts
  }

  /** Tries again while the store fails, because no user knows of the reservation and could end it. */
  async end(client: Client): Promise<void> {
    const { isStopping, log } = this.#parts
    const key = keyOf(client.intent)
    const ending: Ending = { attempt: Promise.resolve() }
    this.#endings.set(key, ending)
    while (this.#endings.get(key) === ending && !isStopping()) {
      try {
        ending.attempt = client.service.perform({ op: 'leave', id: client.intent.id })
        await ending.attempt
        if (this.#endings.get(key) === ending) this.#endings.delete(key)
      } catch (error) {
        log(error)
        await new Promise((resolve) => setTimeout(resolve, TRY_AGAIN_EVERY_MS))
      }
    }
  }

  /** Resolves when the attempt under way has ended, also if it has failed. */
  async attempted(intent: Intent): Promise<void> {
    await this.#endings.get(keyOf(intent))?.attempt.catch(() => {})
  }

  /**
   * The client has connected again and needs its entry or reservation. Resolves when no attempt to end it is under way;
   * an earlier attempt may have ended it.
   */
  async keep(key: string): Promise<void> {
    const ending = this.#endings.get(key)
    this.#endings.delete(key)
    // Its failure is logged by `end`.
    await ending?.attempt.catch(() => {})
  }
}

/** With the account, because another account may know the id of an entry and use it. */
export const keyOf = ({ id, owner }: Pick<Intent, 'id' | 'owner'>): string => `${owner.account.uid}/${id}`
