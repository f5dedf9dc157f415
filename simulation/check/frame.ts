import type { Moment } from '../../src/domain/pool/model.ts'

/** A point in true time, and the drift of the pool's times at that point. */
export interface Instant {
  readonly at: number
  readonly drift: number
}

/** The epoch of a process that cannot read its boot id; it notices no jump. */
const UNREAD = 'unknown'

/** A smaller jump need not be noticed. */
const SMALL_JUMP = 1_000

/**
 * The drift of the times in a pool by clock jumps that need not be noticed: small jumps, forward jumps between two boot
 * ids, and jumps if a boot id could not be read. Every other jump must be corrected. So an apparent age is the true age
 * plus this drift, to the millisecond.
 */
export class Frame {
  /** Whether this is the frame of heartbeats, which use the time since boot whatever the boot id. */
  readonly #ofBeats: boolean
  #drift = 0
  #wall = 0
  #at = 0
  #epoch: string | null = null
  #ms = 0
  /** Whether every jump was noticed. */
  isExact = true

  constructor(ofBeats = false) {
    this.#ofBeats = ofBeats
  }

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
    this.#ms = moment.steady.ms
  }

  /** Whether a process with this epoch notices every large jump. */
  noticesJumps({ steady }: Moment): boolean {
    return steady.epoch !== UNREAD && steady.epoch === this.#epoch
  }

  #unnoticed(moment: Moment, trueAt: number): number {
    if (this.#epoch === null) return 0
    const wall = moment.wall - this.#wall
    const jump = wall - (trueAt - this.#at)
    const passed = moment.steady.ms - this.#ms
    if (this.#ofBeats && passed >= 0) {
      const noticed = wall - passed
      return Math.abs(noticed) < SMALL_JUMP ? jump : jump - noticed
    }
    if (this.#epoch === UNREAD || moment.steady.epoch === UNREAD) return jump
    if (this.#epoch !== moment.steady.epoch) {
      const least = Math.max(passed, 0)
      const noticed = Math.min(wall - least, 0)
      return wall >= 0 && noticed > -SMALL_JUMP ? jump : jump - noticed
    }
    return Math.abs(jump) < SMALL_JUMP ? jump : 0
  }
}

/** The apparent age of an instant. */
export const apparentAge = (then: Instant, now: Instant): number => now.at - then.at + now.drift - then.drift
