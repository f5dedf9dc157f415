import type { Millis, Pool, ProcessIdentity, Reservation, RunTerm } from '../domain/pool/model.ts'
import type { TimedPool } from '../ports/pool-service.ts'
import type { ProcessExit, ProcessExits } from '../ports/process-exits.ts'

/** Interval at which processes that cannot be watched are checked. */
const CHECK_EVERY_MS: Millis = 2_000
/** A failing store is tried again after this time. */
const RETRY_AFTER_MS: Millis = 100
const LONGEST_TIMER_MS: Millis = 2 ** 31 - 1

export interface RunsParts {
  readonly exits: ProcessExits
  /** Ends what has ended, and calls `follow` again. */
  readonly settle: () => void
  /** Stops the command of a run that has reached its time limit; resolves when all its processes have ended. */
  readonly stop: (run: Reservation<RunTerm>) => Promise<void>
}

/** Watches the processes of all runs and waiters, and the times at which reservations end. */
export class Runs {
  readonly #parts: RunsParts
  /** By the id of the reservation or entry; null if its process cannot be watched, and is checked from time to time. */
  readonly #watched = new Map<string, ProcessExit | null>()
  readonly #stopping = new Set<string>()
  #timer: ReturnType<typeof setTimeout> | undefined

  constructor(parts: RunsParts) {
    this.#parts = parts
  }

  /** Must be called with the pool, adjusted to the clock, at the start and after every commit. */
  follow({ pool, moment }: TimedPool): void {
    this.#watch(pool)
    clearTimeout(this.#timer)
    let next = Number.POSITIVE_INFINITY
    for (const reservation of pool.reservations) {
      const at = endOf(reservation)
      if (isRun(reservation) && at <= moment.wall) this.#stop(reservation)
      else next = Math.min(next, at)
    }
    const isSomeUnwatched = [...this.#watched.values()].some((exit) => exit === null)
    const within = Math.min(next - moment.wall, isSomeUnwatched ? CHECK_EVERY_MS : Number.POSITIVE_INFINITY)
    if (!Number.isFinite(within)) return
    this.#timer = setTimeout(this.#parts.settle, Math.min(Math.max(RETRY_AFTER_MS, within), LONGEST_TIMER_MS))
  }

  #watch(pool: Pool): void {
    const present = new Map<string, ProcessIdentity>(pool.queue.map(({ id, process }) => [id, process]))
    for (const { id, term } of pool.reservations) if (term.kind === 'run') present.set(id, term.process)
    for (const [id, exit] of this.#watched) {
      if (present.has(id)) continue
      this.#watched.delete(id)
      exit?.stop()
    }
    for (const [id, process] of present) {
      if (this.#watched.has(id)) continue
      const exit = this.#parts.exits.watch(process, () => {
        this.#watched.set(id, null)
        this.#parts.settle()
      })
      this.#watched.set(id, exit)
    }
  }

  #stop(run: Reservation<RunTerm>): void {
    if (this.#stopping.has(run.id)) return
    this.#stopping.add(run.id)
    void this.#parts.stop(run).finally(() => this.#stopping.delete(run.id))
  }
}

const isRun = (reservation: Reservation): reservation is Reservation<RunTerm> =>
  reservation.term.kind === 'run'

/** When the daemon must act on the reservation. */
function endOf({ term }: Reservation): Millis {
  switch (term.kind) {
    case 'run':
      return term.limit?.interruptAt ?? Number.POSITIVE_INFINITY
    case 'manual':
      return term.expiresAt
    case 'booking':
    case 'maintenance':
      return term.until ?? Number.POSITIVE_INFINITY
  }
}
