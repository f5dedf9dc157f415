import { Chance } from '../simulation/chance.ts'

/** What is done next, and by whom. Times in ms. */
export type Action = { readonly player: number; readonly pause: number } & (
  | Acquire
  | { readonly kind: 'release'; readonly ids: readonly number[] | null; readonly fate: Fate | null }
  | { readonly kind: 'status' | 'queue' | 'report'; readonly fate: Fate | null }
  | { readonly kind: 'hunt'; readonly patience: number }
)

export interface Acquire {
  readonly kind: 'run' | 'reserve'
  readonly gpus: number | readonly number[]
  /** Seconds; null: endlessly; undefined: it does not wait. */
  readonly patience: number | null | undefined
  /** `run`: how long the job lives, and how it ends. */
  readonly life: number
  readonly status: number
  readonly stubborn: boolean
  /** Seconds of `--timeout` or `--duration`. */
  readonly holds: number | undefined
  /** `reserve`: so long after the grant the holder releases it. */
  readonly releasedAfter: number | undefined
  readonly fate: Fate | null
}

/** What befalls a command, so long after a moment of its life that may never come. */
export interface Fate {
  readonly when: 'started' | 'waiting' | 'granted'
  /** ms; after the start: in parts of what a command usually takes, so that all of it is hit. */
  readonly after: number
  readonly what: 'kill' | 'kill-supervisor' | 'kill-both' | 'stop'
  /** How long it is stopped. */
  readonly lasts: number
}

export interface Cast {
  readonly users: number
  readonly gpus: number
}

/** What lasts until it is released, in seconds: the longest anyone asks for, so it never goes before others. */
export const LONGEST = 8 * 3600

/** So many actions of a kind in a row; in every other stretch nobody who waits declares an end. */
const STRETCH = 120

/** The choice of actions; their seed alone decides it. */
export class Script {
  readonly #chance: Chance
  readonly #cast: Cast
  #told = 0

  constructor(seed: number, cast: Cast) {
    this.#chance = new Chance(seed)
    this.#cast = cast
  }

  next(): Action {
    const chance = this.#chance
    const strict = Math.floor(this.#told++ / STRETCH) % 2 === 0
    const common = {
      player: chance.below(this.#cast.users),
      pause: chance.is(0.3) ? 0 : chance.spread(1, 60),
    }
    const dice = chance.below(100)
    if (dice < 50) return { ...common, player: this.#runner(), ...this.#run(strict) }
    if (dice < 64) return { ...common, ...this.#reserve(strict) }
    if (dice < 70) return { ...common, ...this.#release(common.player) }
    if (dice < 84) return { ...common, kind: 'status', fate: this.#early(0.06) }
    if (dice < 92) return { ...common, kind: 'queue', fate: this.#early(0.06) }
    if (dice < 94) return { ...common, kind: 'report', fate: this.#early(0.06) }
    return { ...common, kind: 'hunt', patience: chance.between(50, 400) }
  }

  #run(strict: boolean): Acquire {
    const chance = this.#chance
    const waits = chance.is(0.6)
    const limited = !(strict && waits) && chance.is(0.03)
    return {
      kind: 'run',
      gpus: this.#gpus(),
      patience: waits ? this.#patience() : undefined,
      life: limited ? chance.between(500, 3500) : chance.spread(1, 200),
      status: chance.is(0.2) ? chance.between(1, 60) : 0,
      stubborn: limited && chance.is(0.3),
      holds: limited ? 1 : undefined,
      releasedAfter: undefined,
      fate: this.#fateOfRun(),
    }
  }

  #reserve(strict: boolean): Acquire {
    const chance = this.#chance
    const expires = chance.is(0.2)
    return {
      kind: 'reserve',
      gpus: this.#gpus(),
      patience: strict || chance.is(0.6) ? undefined : this.#patience(),
      life: 0,
      status: 0,
      stubborn: false,
      holds: expires ? chance.between(1, 2) : LONGEST,
      releasedAfter: expires && chance.is(0.7) ? undefined : chance.spread(1, 150),
      fate: this.#early(0.12) ?? this.#stop(0.05) ?? this.#killed('waiting', 0.1),
    }
  }

  /** Only who never runs anything releases by id: one's own running jobs would be released as well. */
  #release(player: number) {
    const byId = this.#neverRuns(player) && this.#chance.is(0.5)
    return { kind: 'release', ids: byId ? this.#ids() : null, fate: this.#early(0.12) } as const
  }

  #fateOfRun(): Fate | null {
    const chance = this.#chance
    const dice = chance.below(100)
    if (dice < 14) return this.#early(1)
    if (dice < 22) return this.#killed('waiting', 1)
    if (dice < 34) return this.#killed('granted', 1)
    if (dice < 44) return { when: 'granted', after: chance.spread(1, 200), what: 'kill-supervisor', lasts: 0 }
    if (dice < 52) return { when: 'granted', after: chance.spread(1, 200), what: 'kill-both', lasts: 0 }
    return this.#stop(0.06)
  }

  #early(probability: number): Fate | null {
    const chance = this.#chance
    if (!chance.is(probability)) return null
    return { when: 'started', after: chance.below(1300) / 1000, what: 'kill', lasts: 0 }
  }

  #killed(when: Fate['when'], probability: number): Fate | null {
    const chance = this.#chance
    return chance.is(probability) ? { when, after: chance.spread(1, 300), what: 'kill', lasts: 0 } : null
  }

  #stop(probability: number): Fate | null {
    const chance = this.#chance
    if (!chance.is(probability)) return null
    const lasts = chance.is(0.02) ? chance.between(10_000, 12_000) : chance.spread(10, 400)
    return { when: 'waiting', after: chance.spread(1, 200), what: 'stop', lasts }
  }

  #gpus(): number | readonly number[] {
    const { gpus } = this.#cast
    if (this.#chance.is(0.15)) return this.#ids()
    return this.#chance.is(0.02) ? gpus : this.#chance.between(1, Math.max(1, Math.floor(gpus / 3)))
  }

  #ids(): readonly number[] {
    const { gpus } = this.#cast
    const first = this.#chance.below(gpus)
    const second = this.#chance.below(gpus)
    return first === second ? [first] : [Math.min(first, second), Math.max(first, second)]
  }

  #patience(): number | null {
    return this.#chance.is(0.15) ? this.#chance.between(1, 3) : null
  }

  #runner(): number {
    const { users } = this.#cast
    return this.#chance.below(users === 1 ? 1 : users - 1)
  }

  #neverRuns(player: number): boolean {
    return this.#cast.users > 1 && player === this.#cast.users - 1
  }
}
