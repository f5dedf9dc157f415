import { Chance } from '../simulation/chance.ts'
import { Choices } from './choices.ts'

/** The next action, and the user who performs it. Times in ms. */
export type Action = { readonly user: number; readonly pause: number } & (
  | Acquire
  | Book
  | Administer
  | { readonly kind: 'release'; readonly ids: readonly number[] | null; readonly fault: Fault | null }
  | { readonly kind: 'status' | 'queue' | 'report'; readonly fault: Fault | null }
  /** `within`: the time to find a process in a transaction. */
  | { readonly kind: 'kill-writer'; readonly within: number }
)

export interface Acquire {
  readonly kind: 'run' | 'reserve'
  readonly gpus: number | readonly number[]
  /** Seconds in the queue; null: without a limit; undefined: it does not wait. */
  readonly waitLimit: number | null | undefined
  /** `run`: the lifetime of the job, and its exit status. */
  readonly lifetime: number
  readonly status: number
  readonly ignoresSigint: boolean
  /** Seconds of `--timeout` or `--duration`. `until-booked`: the next booking ends it; `default`: a rule of the pool. */
  readonly holdLimit: number | 'until-booked' | 'default' | undefined
  /** `reserve`: time from the grant to the holder's release. */
  readonly releasedAfter: number | undefined
  readonly fault: Fault | null
}

export interface Book {
  readonly kind: 'book'
  readonly gpus: number | readonly number[]
  /** Seconds until it begins, and of `--duration`. */
  readonly ahead: number
  readonly lasts: number
  /** ms until it is cancelled; undefined: it is not. */
  readonly cancelledAfter: number | undefined
  /** `user`: the account that booked. */
  readonly cancelledBy: 'user' | 'other' | 'administrator'
  readonly fault: Fault | null
}

/** A command of the administrator, and ms until the command that undoes it. */
export type Administer = { readonly fault: Fault | null; readonly undoneAfter: number } & (
  | { readonly kind: 'drain'; readonly ids: readonly number[] }
  | { readonly kind: 'policy'; readonly rule: string; readonly value: string; readonly of: number | 'pool' }
)

/** A fault that is injected into a command, some time after an event. If the event never happens, neither does the fault. */
export interface Fault {
  readonly when: 'started' | 'waiting' | 'granted'
  /** ms; with `started` a fraction of the usual duration of a command, so that faults hit every part of it. */
  readonly after: number
  readonly what: 'kill' | 'kill-supervisor' | 'kill-both' | 'stop'
  /** How long the command is stopped. */
  readonly lasts: number
}

export interface PoolSize {
  readonly users: number
  readonly gpus: number
}

/**
 * Duration of a reservation that its holder releases, in seconds. It is the longest of all, so such a reservation never
 * ends in time to start before a waiter.
 */
export const LONGEST = 8 * 3600

/** Actions are chosen in blocks of this size. In every second block no waiter declares an end. */
const BLOCK = 120

/** Chooses actions of the rush by the seed alone: everybody wants GPUs at once, and nothing is booked. */
export class Actions {
  readonly #choices: Choices
  #chosen = 0

  constructor(seed: number, size: PoolSize) {
    this.#choices = new Choices(new Chance(seed), size)
  }

  next(): Action {
    const choices = this.#choices
    const { chance } = choices
    const withoutEnds = Math.floor(this.#chosen++ / BLOCK) % 2 === 0
    const common = { user: choices.user(), pause: chance.is(0.3) ? 0 : chance.spread(1, 60) }
    const dice = chance.below(100)
    if (dice < 50) return { ...common, user: choices.runner(), ...this.#run(withoutEnds) }
    if (dice < 64) return { ...common, ...this.#reserve(withoutEnds) }
    if (dice < 70) return { ...common, ...this.#release(common.user) }
    if (dice < 84) return { ...common, kind: 'status', fault: choices.early(0.06) }
    if (dice < 92) return { ...common, kind: 'queue', fault: choices.early(0.06) }
    if (dice < 94) return { ...common, kind: 'report', fault: choices.early(0.06) }
    return { ...common, kind: 'kill-writer', within: chance.between(50, 400) }
  }

  #run(withoutEnds: boolean): Acquire {
    const choices = this.#choices
    const { chance } = choices
    const waits = chance.is(0.6)
    const limited = !(withoutEnds && waits) && chance.is(0.03)
    return {
      kind: 'run',
      gpus: choices.gpus(),
      waitLimit: waits ? choices.waitLimit() : undefined,
      lifetime: limited ? chance.between(500, 3500) : chance.spread(1, 200),
      status: chance.is(0.2) ? chance.between(1, 60) : 0,
      ignoresSigint: limited && chance.is(0.3),
      holdLimit: limited ? 1 : undefined,
      releasedAfter: undefined,
      fault: choices.faultOfRun(),
    }
  }

  #reserve(withoutEnds: boolean): Acquire {
    const choices = this.#choices
    const { chance } = choices
    const expires = chance.is(0.2)
    return {
      kind: 'reserve',
      gpus: choices.gpus(),
      waitLimit: withoutEnds || chance.is(0.6) ? undefined : choices.waitLimit(),
      lifetime: 0,
      status: 0,
      ignoresSigint: false,
      holdLimit: expires ? chance.between(1, 2) : LONGEST,
      releasedAfter: expires && chance.is(0.7) ? undefined : chance.spread(1, 150),
      fault: choices.early(0.12) ?? choices.stop(0.05) ?? choices.killed('waiting', 0.1),
    }
  }

  /** Only a user who never runs a job releases by id: the release would end the user's running jobs as well. */
  #release(user: number) {
    const choices = this.#choices
    const byId = choices.neverRuns(user) && choices.chance.is(0.5)
    return { kind: 'release', ids: byId ? choices.ids() : null, fault: choices.early(0.12) } as const
  }
}
