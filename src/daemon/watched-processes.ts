import type { Liveness, Millis, ProcessIdentity } from '../domain/pool/model.ts'
import type { AliveCheck } from '../domain/pool/process-check.ts'
import type { EndSignal, ProcessExit, ProcessExits } from '../ports/process-exits.ts'

/** The process of one run or waiter. Without an `exit` it cannot be watched. */
interface Watched {
  readonly exit: ProcessExit | null
  /** Undefined while it runs. */
  exitedAt: Millis | undefined
}

/** The processes of all runs and waiters. Their exits are known at once, without reading `/proc`. */
export class WatchedProcesses {
  readonly #exits: ProcessExits
  readonly #check: AliveCheck
  readonly #now: () => Millis
  readonly #watched = new Map<string, Watched>()
  /** Called after each exit. */
  onExit: () => void = () => {}

  /** `check` is used for processes that cannot be watched; `now` is the wall clock. */
  constructor(exits: ProcessExits, check: AliveCheck, now: () => Millis) {
    this.#exits = exits
    this.#check = check
    this.#now = now
  }

  /** Watches exactly these processes. */
  follow(processes: readonly ProcessIdentity[]): void {
    const present = new Map(processes.map((process) => [keyOf(process), process]))
    for (const [key, { exit }] of this.#watched) {
      if (present.has(key)) continue
      this.#watched.delete(key)
      exit?.stop()
    }
    for (const [key, process] of present) if (!this.#watched.has(key)) this.#watch(key, process)
  }

  #watch(key: string, process: ProcessIdentity): void {
    const exit = this.#exits.watch(process, () => {
      const watched = this.#watched.get(key)
      if (watched !== undefined) watched.exitedAt = this.#now()
      this.onExit()
    })
    this.#watched.set(key, { exit, exitedAt: undefined })
  }

  /** Must be called before a decision: `alive` then knows every exit until now. */
  refresh(): void {
    this.#exits.poll()
  }

  /** Whether this process, if it is known, has exited until now. */
  isGone(process: ProcessIdentity | null): boolean {
    this.refresh()
    return process !== null && this.alive(process) === 'gone'
  }

  alive(process: ProcessIdentity): Liveness {
    const watched = this.#watched.get(keyOf(process))
    if (watched === undefined || watched.exit === null) return this.#check(process)
    return watched.exitedAt === undefined ? 'alive' : 'gone'
  }

  /** Notes when a process has ended that nobody saw exit. */
  noteExit(process: ProcessIdentity, at: Millis): void {
    this.#watched.set(keyOf(process), { exit: null, exitedAt: at })
  }

  /** Signals exactly this process; does nothing if it has exited. */
  signal(process: ProcessIdentity, signal: EndSignal): void {
    const exit = this.#watched.get(keyOf(process))?.exit
    if (exit === undefined || exit === null) this.#exits.signal(process, signal)
    else exit.signal(signal)
  }

  exitedAt(process: ProcessIdentity): Millis | undefined {
    return this.#watched.get(keyOf(process))?.exitedAt
  }

  /** Whether the kernel would report the exit of this process, and has not. */
  isWatched(process: ProcessIdentity): boolean {
    const watched = this.#watched.get(keyOf(process))
    return watched !== undefined && watched.exit !== null && watched.exitedAt === undefined
  }
}

const keyOf = ({ pid, startTime, bootId, pidNamespace }: ProcessIdentity): string =>
  `${pid}/${startTime}/${bootId}/${pidNamespace}`
