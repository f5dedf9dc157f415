import type { Chance } from '../chance.ts'
import type { Scheduler } from '../scheduler.ts'
import type { Process } from '../system/process.ts'

/** One end of a connection. */
export interface End {
  readonly process: Process
  readonly take: (frame: string) => void
  /** The connection has ended. */
  readonly closed: () => void
}

type Side = 'caller' | 'host'

/**
 * A connection of SSH. What one end sends arrives in order, or from some moment on not at all: a cut cable tells nobody.
 * The kernel closes the connection of a process that ends. A machine that loses its power says nothing.
 */
export class Link {
  readonly #scheduler: Scheduler
  readonly #chance: Chance
  readonly #ends: Partial<Record<Side, End>> = {}
  /** Until then what was sent to this side arrives. */
  readonly #lastAt = { caller: 0, host: 0 }
  readonly #onTheWay: Readonly<Record<Side, ((end: End) => void)[]>> = { caller: [], host: [] }
  readonly #isCut = { caller: false, host: false }
  /** Waits of the network, until this time. */
  #stalledUntil = 0
  wasStalled = false
  #isOver = false
  #wasWhole = true
  readonly #onBroken: () => void
  /** When the last frame of the caller arrived at the host, and the last one of the host at the caller. */
  readonly heardAt = { caller: Number.NEGATIVE_INFINITY, host: Number.NEGATIVE_INFINITY }

  /** `onBroken` is called when the two ends can no longer hear each other. */
  constructor(scheduler: Scheduler, chance: Chance, onBroken: () => void) {
    this.#scheduler = scheduler
    this.#chance = chance
    this.#onBroken = onBroken
  }

  attach(side: Side, end: End): void {
    this.#ends[side] = end
    end.process.onDeath.push(() => {
      const isSilent = !end.process.machine.isUp && this.#chance.is(0.5)
      if (isSilent) this.cut('caller', 'host')
      else this.close()
    })
  }

  /** Whether both ends can still hear each other. */
  get isWhole(): boolean {
    return !this.#isOver && !this.#isCut.caller && !this.#isCut.host
  }

  send(to: Side, frame: string): void {
    if (this.#isOver) return
    this.#deliver(to, (end) => {
      this.heardAt[to] = this.#scheduler.now
      end.take(frame)
    })
  }

  /** Nothing arrives at these sides any longer. */
  cut(...sides: readonly Side[]): void {
    for (const side of sides) this.#isCut[side] = true
    this.#noteBroken()
  }

  stall(ms: number): void {
    this.wasStalled = true
    this.#stalledUntil = Math.max(this.#stalledUntil, this.#scheduler.now + ms)
  }

  /** Both ends notice the end, after what was sent before. A side that hears nothing does not. */
  close(): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#noteBroken()
    for (const side of ['caller', 'host'] as const) this.#deliver(side, (end) => end.closed())
  }

  /** The network works again, but the connection has not survived. */
  reset(): void {
    if (this.isWhole) return
    this.#isCut.caller = false
    this.#isCut.host = false
    this.#isOver = false
    this.close()
  }

  #noteBroken(): void {
    if (!this.#wasWhole) return
    this.#wasWhole = false
    this.#onBroken()
  }

  #deliver(to: Side, arrive: (end: End) => void): void {
    if (this.#isCut[to]) return
    const latency = this.#chance.is(0.95) ? this.#chance.below(30) : this.#chance.spread(30, 3_000)
    const at = Math.max(this.#lastAt[to], this.#stalledUntil, this.#scheduler.now + latency)
    this.#lastAt[to] = at
    // Of two events at the same time either may be the first, but not what arrives.
    this.#onTheWay[to].push(arrive)
    const { process } = this.#ends[to] ?? {}
    // Before `sshd` has started the program, what comes for it waits.
    this.#scheduler.after(at - this.#scheduler.now, process ?? null, () => {
      const end = this.#ends[to]
      const next = this.#onTheWay[to].shift()
      if (end?.process.isAlive === true) next?.(end)
    })
  }
}
