import type { Moment } from '../../src/domain/model.ts'

/** A moment of true time, and by how much the pool's times had drifted from it then. */
export interface Instant {
  readonly at: number
  readonly drift: number
}

/** A jump of less than this may go unnoticed. */
const SMALL_JUMP = 1_000

/**
 * By how much the times in a pool are off, by what may go unnoticed alone: small jumps, and what the clock
 * did across a reboot, but for a clock that went backwards. Every other jump must have been healed, so the
 * apparent age of anything is its true age and this drift, to the millisecond.
 */
export class Frame {
  #drift = 0
  #wall = 0
  #at = 0
  #epoch: string | null = null
  /** Whether anything ever went unnoticed. */
  isExact = true

  now(moment: Moment, trueAt: number): Instant {
    const unnoticed = this.#unnoticed(moment, trueAt)
    if (unnoticed !== 0) this.isExact = false
    return { at: trueAt, drift: this.#drift + unnoticed }
  }

  written(moment: Moment, now: Instant): void {
    this.#drift = now.drift
    this.#wall = moment.wall
    this.#at = now.at
    this.#epoch = moment.steady.epoch
  }

  #unnoticed(moment: Moment, trueAt: number): number {
    if (this.#epoch === null) return 0
    const wall = moment.wall - this.#wall
    const jump = wall - (trueAt - this.#at)
    if (this.#epoch !== moment.steady.epoch) return jump - Math.min(wall, 0)
    return Math.abs(jump) < SMALL_JUMP ? jump : 0
  }
}

/** How old something of that instant looks now. */
export const apparentAge = (then: Instant, now: Instant): number => now.at - then.at + now.drift - then.drift
