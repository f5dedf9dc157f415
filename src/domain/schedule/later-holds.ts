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
  /** By duration; computed on demand, because many requests have the same duration. */
  readonly windows: Map<Millis, Windows>
}

/** The times at which a hold of some duration can begin between the intervals: from each start to its latest time. */
interface Windows {
  readonly starts: Millis[]
  readonly latest: Millis[]
}

/** A request for units at these places, for `needed` from `start` on. */
interface Wish {
  readonly places: readonly number[]
  readonly size: number
  readonly needed: Millis
  readonly start: Millis
  /** When the present holder of a unit ends. */
  readonly freeFrom: (place: number) => Millis
}

/** The reservations that begin later, on each unit. As time advances, they begin. */
export class LaterHolds {
  readonly #timelines: readonly Timeline[]
  /** In the order of their begin. */
  readonly #laters: readonly Later[]
  #begun = 0

  constructor(size: number, laters: readonly Later[]) {
    this.#timelines = Array.from({ length: size }, () => ({
      ...{ froms: [], untils: [], begun: 0 },
      windows: new Map(),
    }))
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

  /** The first time at which enough of the units are free for as long as they are needed. */
  earliestStart({ places, size, needed, start, freeFrom }: Wish): Millis {
    let time = start
    for (;;) {
      const starts = places.map((place) => this.#firstGap(place, Math.max(time, freeFrom(place)), needed))
      const next = starts.sort((a, b) => a - b)[size - 1] ?? NEVER
      // Before this time too few units are free. At this time, some of them may be held again.
      if (next === NEVER || next === starts[0]) return next
      const isFree = (place: number) =>
        freeFrom(place) <= next && this.#firstGap(place, next, needed) === next
      if (places.filter(isFree).length >= size) return next
      time = next
    }
  }

  /** The first time, from `time` on, at which nothing begins on the unit for this duration. */
  #firstGap(place: number, time: Millis, duration: Millis): Millis {
    const timeline = this.#timelines[place]
    if (timeline === undefined) return time
    const { starts, latest } = windowsOf(timeline, duration)
    let [low, high] = [0, latest.length]
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((latest[middle] ?? NEVER) < time) low = middle + 1
      else high = middle
    }
    return Math.max(time, starts[low] ?? NEVER)
  }
}

function windowsOf({ froms, untils, windows }: Timeline, duration: Millis): Windows {
  const known = windows.get(duration)
  if (known !== undefined) return known
  const [starts, latest]: [Millis[], Millis[]] = [[], []]
  for (let at = 0; at <= froms.length; at++) {
    const start = untils[at - 1] ?? Number.NEGATIVE_INFINITY
    const end = at === froms.length ? NEVER : (froms[at] ?? NEVER) - duration
    if (end < start) continue
    starts.push(start)
    latest.push(end)
  }
  const found = { starts, latest }
  windows.set(duration, found)
  return found
}
