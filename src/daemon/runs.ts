import { LONGEST_TIMER_MS } from '../domain/longest-timer.ts'
import { nextReadingAt } from '../domain/operation/booked.ts'
import type { Millis, Reservation, RunTerm } from '../domain/pool/model.ts'
import { limitOfDaemon } from '../domain/pool/time-limits.ts'
import type { TimedPool } from '../ports/pool-service.ts'
import type { DueRun } from './time-limit.ts'
import type { WatchedProcesses } from './watched-processes.ts'

/** Interval at which processes that cannot be watched are checked. */
const CHECK_EVERY_MS: Millis = 2_000
/** Time until a failed action is tried again. */
const RETRY_AFTER_MS: Millis = 1_000
/** A run that ends in a reboot counts as ended at its last heartbeat, and one that ends in an outage soon after it. */
const HEARTBEAT_EVERY_MS: Millis = 60_000

export interface RunsParts {
  readonly processes: WatchedProcesses
  /**
   * Ends the reservations that are due or whose process has exited, begins bookings, and calls `follow` again.
   */
  readonly settle: () => void
  /** Records the heartbeats of these runs, and calls `follow` again. */
  readonly beat: (ids: readonly string[]) => void
  /** Resolves when the command of the run has ended, or when stopping it has failed; never rejects. */
  readonly stop: (due: DueRun) => Promise<void>
}

/** Follows the reservations: watches the processes, and acts when an end, a time limit or a heartbeat is due. */
export class Runs {
  readonly #parts: RunsParts
  /** Ids of the runs whose command is being stopped. */
  readonly #stopping = new Set<string>()
  #lastBeat: Millis | undefined
  #timer: ReturnType<typeof setTimeout> | undefined

  constructor(parts: RunsParts) {
    this.#parts = parts
  }

  /**
   * Must be called once, before the first `settle`. A run that ended while no daemon ran counts as ended when its next
   * heartbeat was due: that it ran longer is not known, and an outage is not its owner's use.
   */
  noteUnseenExits({ pool, moment }: TimedPool): void {
    const { processes } = this.#parts
    for (const { term } of pool.reservations.filter(isRun)) {
      if (processes.alive(term.process) !== 'gone') continue
      processes.noteExit(term.process, Math.min(moment.wall, term.heartbeatAt + HEARTBEAT_EVERY_MS))
    }
  }

  /** Must be called with the pool, adjusted to the clock, at the start and after every commit. */
  follow({ pool, moment }: TimedPool): void {
    const { processes, settle, beat } = this.#parts
    const runs = pool.reservations.filter(isRun)
    const all = [...pool.queue.map(({ process }) => process), ...runs.map(({ term }) => term.process)]
    processes.follow(all)
    for (const run of runs) if (endOf(run) <= moment.wall) this.#stop(run, moment.wall)
    const ends = pool.reservations.filter(({ id }) => !this.#stopping.has(id)).map(endOf)
    const checkAt = all.every((each) => processes.isWatched(each)) ? [] : [moment.wall + CHECK_EVERY_MS]
    // Nothing is known of the other runs: they end when their last heartbeat is too old.
    const beating = runs.filter(({ term }) => processes.alive(term.process) === 'alive')
    const beatAt = beating.length === 0 ? [] : [this.#beatAt(moment.wall)]
    clearTimeout(this.#timer)
    const at = Math.min(nextReadingAt(pool, moment.wall), ...ends, ...checkAt, ...beatAt)
    if (!Number.isFinite(at)) return
    const isBeat = beatAt.includes(at)
    this.#timer = setTimeout(
      () => {
        if (isBeat) this.#lastBeat = undefined
        if (isBeat) beat(beating.map(({ id }) => id))
        else settle()
      },
      at > moment.wall ? Math.min(at - moment.wall, LONGEST_TIMER_MS) : RETRY_AFTER_MS,
    )
  }

  /** Heartbeats are counted from the first run, by the wall clock. A clock that is set back restarts the count. */
  #beatAt(now: Millis): Millis {
    if (this.#lastBeat === undefined || this.#lastBeat > now) this.#lastBeat = now
    return this.#lastBeat + HEARTBEAT_EVERY_MS
  }

  #stop(run: Reservation<RunTerm>, now: Millis): void {
    const limit = limitOfDaemon(run.term)
    if (limit === undefined || this.#stopping.has(run.id)) return
    this.#stopping.add(run.id)
    const due = { run, grace: limit.killAt - limit.interruptAt, killIn: limit.killAt - now }
    void this.#parts.stop(due).then(() => {
      this.#stopping.delete(run.id)
      // If stopping failed, this tries again.
      setTimeout(this.#parts.settle, RETRY_AFTER_MS)
    })
  }
}

const isRun = (reservation: Reservation): reservation is Reservation<RunTerm> =>
  reservation.term.kind === 'run'

/** The time at which the daemon must end the reservation or stop its command. */
function endOf({ term }: Reservation): Millis {
  switch (term.kind) {
    case 'run':
      return limitOfDaemon(term)?.interruptAt ?? Number.POSITIVE_INFINITY
    case 'manual':
      return term.expiresAt
    case 'booking':
    case 'maintenance':
      return term.until ?? Number.POSITIVE_INFINITY
  }
}
