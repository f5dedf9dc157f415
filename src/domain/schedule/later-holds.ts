import type { Millis, Reservation } from '../pool/model.ts'
import { knownEnd, NEVER, startOf } from './term-times.ts'

/** A reservation that begins later, on one unit. */
export interface Later {
  readonly place: number
  readonly reservation: Reservation
}

/** The intervals of one unit that begin later, in the order of their begin. */
interface Timeline {
  readonly froms: Millis[]
  /** By place in `froms`: the last end of the intervals up to this one. */
  readonly untils: Millis[]
  /** The number of intervals that have begun. */
  begun: number
}

/** The reservations that begin later, on each unit. As time advances, they begin. */
export class LaterHolds {
  readonly #timelines: readonly Timeline[]
  /** In the order of their begin. */
  readonly #laters: readonly Later[]
  #begun = 0

  constructor(size: number, laters: readonly Later[]) {
    this.#timelines = Array.from({ length: size }, () => ({ froms: [], untils: [], begun: 0 }))
    this.#laters = laters.toSorted((a, b) => startOf(a.reservation) - startOf(b.reservation))
    for (const { place, reservation } of this.#laters) {
      const timeline = this.#timelines[place]
      if (timeline === undefined) continue
      timeline.froms.push(startOf(reservation))
      timeline.untils.push(Math.max(timeline.untils.at(-1) ?? 0, knownEnd(reservation)))
    }
  }

  get areEmpty(): boolean {
    return this.#begun === this.#laters.length
  }

  /** Those that have not begun. */
  get left(): readonly Later[] {
    return this.#laters.slice(this.#begun)
  }

  /** The next begin of all units; NEVER if there is none. */
  get nextBegin(): Millis {
    const next = this.#laters[this.#begun]
    return next === undefined ? NEVER : startOf(next.reservation)
  }

  /** The next begin on a unit; NEVER if there is none. */
  nextFrom(place: number): Millis {
    const timeline = this.#timelines[place]
    return timeline?.froms[timeline.begun] ?? NEVER
  }

  /** The next reservation on a unit. */
  nextOn(place: number): Reservation | undefined {
    for (let at = this.#begun; at < this.#laters.length; at++) {
      const later = this.#laters[at]
      if (later?.place === place) return later.reservation
    }
    return undefined
  }

  /** Begins what begins until now, and returns it. */
  beginUntil(now: Millis): readonly Later[] {
    const first = this.#begun
    while (this.nextBegin <= now) {
      const timeline = this.#timelines[this.#laters[this.#begun]?.place ?? -1]
      if (timeline !== undefined) timeline.begun++
      this.#begun++
    }
    return this.#laters.slice(first, this.#begun)
  }

  /** The first time, from `time` on, at which nothing begins on the unit for this duration. */
  firstGap(place: number, time: Millis, duration: Millis): Millis {
    const timeline = this.#timelines[place]
    if (timeline === undefined) return time
    const { froms, untils, begun } = timeline
    let [low, high] = [begun, froms.length]
    // An interval that begins before the end of the hold cannot be the next one after it.
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((froms[middle] ?? NEVER) < time + duration) low = middle + 1
      else high = middle
    }
    for (let at = low; ; at++) {
      const start = at === begun ? time : Math.max(time, untils[at - 1] ?? time)
      if (at === froms.length || start + duration <= (froms[at] ?? NEVER)) return start
    }
  }
}
