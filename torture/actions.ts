import { Chance } from '../simulation/chance.ts'

/** The next action, and the user who performs it. Times in ms. */
export type Action = { readonly user: number; readonly pause: number } & (
  | Acquire
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
  /** Seconds of `--timeout` or `--duration`. */
  readonly holdLimit: number | undefined
  /** `reserve`: time from the grant to the holder's release. */
  readonly releasedAfter: number | undefined
  readonly fault: Fault | null
}

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

/** Chooses actions by the seed alone. */
export class Actions {
  readonly #chance: Chance
  readonly #size: PoolSize
  #chosen = 0

  constructor(seed: number, size: PoolSize) {
    this.#chance = new Chance(seed)
    this.#size = size
  }

  next(): Action {
    const chance = this.#chance
    const withoutEnds = Math.floor(this.#chosen++ / BLOCK) % 2 === 0
    const common = {
      user: chance.below(this.#size.users),
      pause: chance.is(0.3) ? 0 : chance.spread(1, 60),
    }
    const dice = chance.below(100)
    if (dice < 50) return { ...common, user: this.#runner(), ...this.#run(withoutEnds) }
    if (dice < 64) return { ...common, ...this.#reserve(withoutEnds) }
    if (dice < 70) return { ...common, ...this.#release(common.user) }
    if (dice < 84) return { ...common, kind: 'status', fault: this.#early(0.06) }
    if (dice < 92) return { ...common, kind: 'queue', fault: this.#early(0.06) }
    if (dice < 94) return { ...common, kind: 'report', fault: this.#early(0.06) }
    return { ...common, kind: 'kill-writer', within: chance.between(50, 400) }
  }

  #run(withoutEnds: boolean): Acquire {
    const chance = this.#chance
    const waits = chance.is(0.6)
    const limited = !(withoutEnds && waits) && chance.is(0.03)
    return {
      kind: 'run',
      gpus: this.#gpus(),
      waitLimit: waits ? this.#waitLimit() : undefined,
      lifetime: limited ? chance.between(500, 3500) : chance.spread(1, 200),
      status: chance.is(0.2) ? chance.between(1, 60) : 0,
      ignoresSigint: limited && chance.is(0.3),
      holdLimit: limited ? 1 : undefined,
      releasedAfter: undefined,
      fault: this.#faultOfRun(),
    }
  }

  #reserve(withoutEnds: boolean): Acquire {
    const chance = this.#chance
    const expires = chance.is(0.2)
    return {
      kind: 'reserve',
      gpus: this.#gpus(),
      waitLimit: withoutEnds || chance.is(0.6) ? undefined : this.#waitLimit(),
      lifetime: 0,
      status: 0,
      ignoresSigint: false,
      holdLimit: expires ? chance.between(1, 2) : LONGEST,
      releasedAfter: expires && chance.is(0.7) ? undefined : chance.spread(1, 150),
      fault: this.#early(0.12) ?? this.#stop(0.05) ?? this.#killed('waiting', 0.1),
    }
  }

  /** Only a user who never runs a job releases by id: the release would end the user's running jobs as well. */
  #release(user: number) {
    const byId = this.#neverRuns(user) && this.#chance.is(0.5)
    return { kind: 'release', ids: byId ? this.#ids() : null, fault: this.#early(0.12) } as const
  }

  #faultOfRun(): Fault | null {
    const chance = this.#chance
    const dice = chance.below(100)
    if (dice < 14) return this.#early(1)
    if (dice < 22) return this.#killed('waiting', 1)
    if (dice < 34) return this.#killed('granted', 1)
    if (dice < 44) return { when: 'granted', after: chance.spread(1, 200), what: 'kill-supervisor', lasts: 0 }
    if (dice < 52) return { when: 'granted', after: chance.spread(1, 200), what: 'kill-both', lasts: 0 }
    return this.#stop(0.06)
  }

  #early(probability: number): Fault | null {
    const chance = this.#chance
    if (!chance.is(probability)) return null
    return { when: 'started', after: chance.below(1300) / 1000, what: 'kill', lasts: 0 }
  }

  #killed(when: Fault['when'], probability: number): Fault | null {
    const chance = this.#chance
    return chance.is(probability) ? { when, after: chance.spread(1, 300), what: 'kill', lasts: 0 } : null
  }

  #stop(probability: number): Fault | null {
    const chance = this.#chance
    if (!chance.is(probability)) return null
    const lasts = chance.is(0.02) ? chance.between(10_000, 12_000) : chance.spread(10, 400)
    return { when: 'waiting', after: chance.spread(1, 200), what: 'stop', lasts }
  }

  #gpus(): number | readonly number[] {
    const { gpus } = this.#size
    if (this.#chance.is(0.15)) return this.#ids()
    return this.#chance.is(0.02) ? gpus : this.#chance.between(1, Math.max(1, Math.floor(gpus / 3)))
  }

  #ids(): readonly number[] {
    const { gpus } = this.#size
    const first = this.#chance.below(gpus)
    const second = this.#chance.below(gpus)
    return first === second ? [first] : [Math.min(first, second), Math.max(first, second)]
  }

  #waitLimit(): number | null {
    return this.#chance.is(0.15) ? this.#chance.between(1, 3) : null
  }

  #runner(): number {
    const { users } = this.#size
    return this.#chance.below(users === 1 ? 1 : users - 1)
  }

  #neverRuns(user: number): boolean {
    return this.#size.users > 1 && user === this.#size.users - 1
  }
}
