import { drainMicrotasks } from 'bun:jsc'
import type { Chance } from './chance.ts'
import type { Trace } from './trace.ts'

/** The process of an event. Events of a stopped process are delayed. Events of a dead process are dropped. */
export interface Actor {
  readonly pid: number
  readonly state: 'running' | 'stopped' | 'dead'
  readonly held: ScheduledEvent[]
}

export interface ScheduledEvent {
  at: number
  /** The order within one millisecond. */
  tie: number
  readonly actor: Actor | null
  readonly run: () => void
  cancelled: boolean
}

/**
 * Virtual time and the order of events. One step is one event and everything that follows from it without waiting:
 * promises that it resolves run until they wait again.
 */
export class Scheduler {
  now = 0
  steps = 0
  /** Whether the last event had no process. */
  wasExternal = false
  readonly #heap: ScheduledEvent[] = []
  readonly #chance: Chance
  readonly #trace: Trace

  constructor(chance: Chance, trace: Trace) {
    this.#chance = chance
    this.#trace = trace
  }

  after(delay: number, actor: Actor | null, run: () => void): ScheduledEvent {
    const event = { at: this.now + delay, tie: this.#chance.next(), actor, run, cancelled: false }
    this.#push(event)
    return event
  }

  /** Schedules the events that were delayed while the actor was stopped. */
  resume(actor: Actor): void {
    for (const event of actor.held.splice(0)) {
      event.at = this.now
      event.tie = this.#chance.next()
      this.#push(event)
    }
  }

  /** False when no event is left. */
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
      this.wasExternal = next.actor === null
      this.#trace.fold(next.at)
      this.#trace.fold(next.actor?.pid ?? 0)
      next.run()
      drainMicrotasks()
      return true
    }
  }

  #push(event: ScheduledEvent): void {
    const heap = this.#heap
    let at = heap.length
    heap.push(event)
    while (at > 0) {
      const parentAt = (at - 1) >> 1
      const parent = heap[parentAt]
      if (parent === undefined || isBefore(parent, event)) break
      heap[at] = parent
      at = parentAt
    }
    heap[at] = event
  }

  #pop(): ScheduledEvent | undefined {
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

const isBefore = (a: ScheduledEvent, b: ScheduledEvent): boolean =>
  a.at < b.at || (a.at === b.at && a.tie <= b.tie)
