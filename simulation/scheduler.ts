import { drainMicrotasks } from 'bun:jsc'
import type { Chance } from './chance.ts'
import type { Trace } from './trace.ts'

/** Whoever events happen to: while it is stopped they are held back, when it is dead they never happen. */
export interface Actor {
  readonly pid: number
  readonly state: 'running' | 'stopped' | 'dead'
  readonly held: Happening[]
}

export interface Happening {
  at: number
  /** Orders what happens in the same millisecond. */
  tie: number
  readonly actor: Actor | null
  readonly run: () => void
  cancelled: boolean
}

/**
 * Virtual time, and the order of everything that happens in it. One step is one happening and all that
 * follows from it without waiting: promises resolved by it are run to their next wait.
 */
export class Scheduler {
  now = 0
  steps = 0
  /** Whether the last step happened to the world, not to one of its processes. */
  wasWorldly = false
  readonly #heap: Happening[] = []
  readonly #chance: Chance
  readonly #trace: Trace

  constructor(chance: Chance, trace: Trace) {
    this.#chance = chance
    this.#trace = trace
  }

  after(delay: number, actor: Actor | null, run: () => void): Happening {
    const happening = { at: this.now + delay, tie: this.#chance.next(), actor, run, cancelled: false }
    this.#push(happening)
    return happening
  }

  /** Lets happen what was held back while the actor was stopped. */
  resume(actor: Actor): void {
    for (const happening of actor.held.splice(0)) {
      happening.at = this.now
      happening.tie = this.#chance.next()
      this.#push(happening)
    }
  }

  /** False when nothing is left to happen. */
  step(): boolean {
    for (;;) {
      const next = this.#pop()
      if (next === undefined) return false
      if (next.cancelled || next.actor?.state === 'dead') continue
      this.now = next.at
      if (next.actor?.state === 'stopped') {
        next.actor.held.push(next)
        continue
      }
      this.steps++
      this.wasWorldly = next.actor === null
      this.#trace.fold(next.at)
      this.#trace.fold(next.actor?.pid ?? 0)
      next.run()
      drainMicrotasks()
      return true
    }
  }

  #push(happening: Happening): void {
    const heap = this.#heap
    let at = heap.length
    heap.push(happening)
    while (at > 0) {
      const parentAt = (at - 1) >> 1
      const parent = heap[parentAt]
      if (parent === undefined || isBefore(parent, happening)) break
      heap[at] = parent
      at = parentAt
    }
    heap[at] = happening
  }

  #pop(): Happening | undefined {
    const heap = this.#heap
    const first = heap[0]
    const last = heap.pop()
    if (first === undefined || last === undefined || heap.length === 0) return first
    const size = heap.length
    let at = 0
    for (;;) {
      let childAt = 2 * at + 1
      let child = heap[childAt]
      if (child === undefined) break
      const other = heap[childAt + 1]
      if (childAt + 1 < size && other !== undefined && isBefore(other, child)) {
        childAt++
        child = other
      }
      if (isBefore(last, child)) break
      heap[at] = child
      at = childAt
    }
    heap[at] = last
    return first
  }
}

const isBefore = (a: Happening, b: Happening): boolean => a.at < b.at || (a.at === b.at && a.tie <= b.tie)
