import type { Chance } from '../simulation/chance.ts'
import type { Fault, PoolSize } from './actions.ts'

/** The parts of actions that both kinds of load have. */
export class Choices {
  readonly chance: Chance
  readonly #size: PoolSize

  constructor(chance: Chance, size: PoolSize) {
    this.chance = chance
    this.#size = size
  }

  user(): number {
    return this.chance.below(this.#size.users)
  }

  faultOfRun(): Fault | null {
    const { chance } = this
    const dice = chance.below(100)
    if (dice < 14) return this.early(1)
    if (dice < 22) return this.killed('waiting', 1)
    if (dice < 34) return this.killed('granted', 1)
    if (dice < 44) return { when: 'granted', after: chance.spread(1, 200), what: 'kill-supervisor', lasts: 0 }
    if (dice < 52) return { when: 'granted', after: chance.spread(1, 200), what: 'kill-both', lasts: 0 }
    return this.stop(0.06)
  }

  early(probability: number): Fault | null {
    const { chance } = this
    if (!chance.is(probability)) return null
    return { when: 'started', after: chance.below(1300) / 1000, what: 'kill', lasts: 0 }
  }

  killed(when: Fault['when'], probability: number): Fault | null {
    const { chance } = this
    return chance.is(probability) ? { when, after: chance.spread(1, 300), what: 'kill', lasts: 0 } : null
  }

  stop(probability: number): Fault | null {
    const { chance } = this
    if (!chance.is(probability)) return null
    const lasts = chance.is(0.02) ? chance.between(10_000, 12_000) : chance.spread(10, 400)
    return { when: 'waiting', after: chance.spread(1, 200), what: 'stop', lasts }
  }

  gpus(): number | readonly number[] {
    const { gpus } = this.#size
    if (this.chance.is(0.15)) return this.ids()
    return this.chance.is(0.02) ? gpus : this.chance.between(1, Math.max(1, Math.floor(gpus / 3)))
  }

  ids(): readonly number[] {
    const first = this.gpu()
    const second = this.gpu()
    return first === second ? [first] : [Math.min(first, second), Math.max(first, second)]
  }

  gpu(): number {
    return this.chance.below(this.#size.gpus)
  }

  /** Seconds; null: without a limit. */
  waitLimit(): number | null {
    return this.chance.is(0.15) ? this.chance.between(1, 3) : null
  }

  /** Never the user who releases by id. */
  runner(): number {
    const { users } = this.#size
    return this.chance.below(users === 1 ? 1 : users - 1)
  }

  neverRuns(user: number): boolean {
    return this.#size.users > 1 && user === this.#size.users - 1
  }
}
