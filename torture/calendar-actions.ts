import { Chance } from '../simulation/chance.ts'
import type { Acquire, Action, Administer, Book, PoolSize } from './actions.ts'
import { Choices } from './choices.ts'

/** Seconds: the rules of the pool while GPUs can be booked. No command asks for more. */
const LONGEST_S = 6
const DEFAULT_S = 3

/** The changes of the policy that make bookings possible. */
export const CALENDAR_RULES: readonly (readonly [rule: string, value: string])[] = [
  ['max-duration', `${LONGEST_S}s`],
  ['default-duration', `${DEFAULT_S}s`],
  ['bookings', 'on'],
]

/** Seconds until a booking begins, which is on a whole second, and until it has ended. */
const MOST_AHEAD_S = 4
const MOST_BOOKED_S = 3

/** No booking lasts longer after the end of its command. */
export const BOOKINGS_END_WITHIN_MS = (MOST_AHEAD_S + 1 + MOST_BOOKED_S) * 1000

/**
 * Chooses actions by the seed alone, for a pool in which GPUs are booked, drained and limited. Fewer commands want GPUs
 * than in the rush, and each says for how long: else the calendar would have no room for bookings.
 */
export class CalendarActions {
  readonly #choices: Choices

  constructor(seed: number, size: PoolSize) {
    this.#choices = new Choices(new Chance(seed), size)
  }

  next(): Action {
    const choices = this.#choices
    const { chance } = choices
    const common = { user: choices.user(), pause: chance.spread(20, 200) }
    const dice = chance.below(100)
    if (dice < 26) return { ...common, ...this.#book() }
    if (dice < 54) return { ...common, user: choices.runner(), ...this.#run() }
    if (dice < 64) return { ...common, ...this.#reserve() }
    if (dice < 66) return { ...common, kind: 'release', ids: null, fault: choices.early(0.12) }
    if (dice < 72) return { ...common, ...this.#drain() }
    if (dice < 80) return { ...common, ...this.#policy() }
    if (dice < 88) return { ...common, kind: 'status', fault: choices.early(0.06) }
    if (dice < 92) return { ...common, kind: 'queue', fault: choices.early(0.06) }
    if (dice < 94) return { ...common, kind: 'report', fault: choices.early(0.06) }
    return { ...common, kind: 'kill-writer', within: chance.between(50, 400) }
  }

  #book(): Book {
    const choices = this.#choices
    const { chance } = choices
    return {
      kind: 'book',
      gpus: choices.gpus(),
      ahead: chance.between(1, MOST_AHEAD_S),
      lasts: chance.between(1, MOST_BOOKED_S),
      // Some are cancelled before they begin, some after it, and some at the same time.
      cancelledAfter: chance.is(0.4) ? chance.spread(1, 5_000) : undefined,
      cancelledBy: chance.is(0.7) ? 'user' : chance.is(0.5) ? 'other' : 'administrator',
      fault: choices.early(0.12),
    }
  }

  #run(): Acquire {
    const choices = this.#choices
    const { chance } = choices
    const waits = chance.is(0.4)
    const limit = chance.below(100)
    return {
      kind: 'run',
      gpus: choices.gpus(),
      waitLimit: waits ? choices.waitLimit() : undefined,
      // Many go on until something ends them.
      lifetime: chance.is(0.4) ? chance.between(500, 8_000) : chance.spread(1, 200),
      status: chance.is(0.2) ? chance.between(1, 60) : 0,
      ignoresSigint: chance.is(0.2),
      holdLimit: limit < 50 ? 'until-booked' : limit < 90 ? chance.between(1, 2) : 'default',
      releasedAfter: undefined,
      fault: choices.faultOfRun(),
    }
  }

  #reserve(): Acquire {
    const choices = this.#choices
    const { chance } = choices
    return {
      kind: 'reserve',
      gpus: choices.gpus(),
      waitLimit: chance.is(0.6) ? undefined : choices.waitLimit(),
      lifetime: 0,
      status: 0,
      ignoresSigint: false,
      holdLimit: chance.between(1, 4),
      releasedAfter: chance.is(0.3) ? chance.spread(1, 1_000) : undefined,
      fault: choices.early(0.12) ?? choices.stop(0.05) ?? choices.killed('waiting', 0.1),
    }
  }

  #drain(): Administer {
    const choices = this.#choices
    return {
      kind: 'drain',
      ids: choices.ids(),
      undoneAfter: choices.chance.spread(10, 3_000),
      fault: choices.early(0.1),
    }
  }

  #policy(): Administer {
    const choices = this.#choices
    const { chance } = choices
    const [rule, value] = chance.pick<readonly [string, string]>([
      ['max-gpus', String(chance.between(0, 4))],
      ['max-gpus', String(chance.between(2, 6))],
      ['max-duration', `${chance.between(2, LONGEST_S)}s`],
      ['max-waiting', String(chance.between(0, 4))],
      ['bookings', 'off'],
    ])
    return {
      kind: 'policy',
      ...{ rule, value },
      of: chance.is(0.3) ? 'pool' : choices.user(),
      undoneAfter: chance.spread(10, 3_000),
      fault: choices.early(0.1),
    }
  }
}
