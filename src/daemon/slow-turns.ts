import { tooManyWaitingRequests } from '../domain/daemon-errors.ts'
import type { Millis } from '../domain/pool/model.ts'
import { FairTurns, type TurnsParts } from './fair-turns.ts'

/** The memory of a question that waits for its turn, besides its task. */
const QUESTION_SIZE = 512
/** The rest after a question, as a multiple of its time, and the longest rest. */
const REST = 2
const LONGEST_REST_MS: Millis = 300

export interface SlowQuestion<Answer> {
  readonly uid: number
  /** Whether the client is still connected. */
  readonly isWanted: () => boolean
  readonly ask: () => Promise<Answer>
}

export interface SlowTurnsParts extends TurnsParts {
  /** For questions that this process answers itself: it rests after each, to serve other requests. */
  readonly rests: boolean
}

/** Questions that may take long. They wait for each other, and delay no other requests of their accounts. */
export class SlowTurns {
  readonly #turns: FairTurns
  readonly #parts: SlowTurnsParts

  constructor(parts: SlowTurnsParts) {
    this.#turns = new FairTurns(parts)
    this.#parts = parts
  }

  /** The answer, when it is the turn of this account. Null if it is not wanted any more. */
  ask<Answer>({ uid, isWanted, ask }: SlowQuestion<Answer>): Promise<Answer | null> {
    const { promise, resolve, reject } = Promise.withResolvers<Answer | null>()
    const perform = async () => {
      if (!isWanted()) resolve(null)
      else await this.#resting(() => ask().then(resolve, reject))
    }
    if (!this.#turns.add(uid, { size: QUESTION_SIZE, perform })) reject(tooManyWaitingRequests())
    return promise
  }

  async #resting(work: () => Promise<void>): Promise<void> {
    const { clock, rests } = this.#parts
    const began = clock()
    await work()
    const rest = Math.min(LONGEST_REST_MS, REST * (clock() - began))
    if (rests && rest > 0) await new Promise((resolve) => setTimeout(resolve, rest))
  }
}
