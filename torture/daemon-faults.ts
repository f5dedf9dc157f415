import type { Chance } from '../simulation/chance.ts'
import type { DaemonPool } from '../test/support/daemon.ts'
import { stamp } from './clock.ts'
import type { DaemonFault, Log } from './log.ts'
import { writerOf } from './transactions.ts'

/** The longest time between two faults, to find a transaction, without a daemon, and in the stopped state. */
const MOST_BETWEEN_MS = 4_000
const MOST_TO_FIND_MS = 400
const MOST_AWAY_MS = 3_000
const MOST_STOPPED_MS = 1_500
const CHECK_EVERY_MS = 20

/** The daemon of a round. */
export interface ServedPool {
  readonly pool: DaemonPool
  /** Executables that can replace each other in any order. */
  readonly current: readonly string[]
  /** A later version. It upgrades the pool, so none of the others can replace it. */
  readonly newer: string
}

export interface FaultParts extends ServedPool {
  readonly log: Log
  readonly chance: Chance
  readonly isOver: () => boolean
  /** Whether the newer version may be installed now. */
  readonly mayUpgrade: () => boolean
}

/** Kills, stops and replaces the daemon at random times, one fault after the other. After each one the daemon runs. */
export class DaemonFaults {
  readonly #parts: FaultParts
  #executable: string

  constructor(parts: FaultParts) {
    this.#parts = parts
    this.#executable = parts.chance.pick(parts.current)
  }

  async run(): Promise<void> {
    const { chance, isOver } = this.#parts
    for (;;) {
      const until = performance.now() + chance.spread(1, MOST_BETWEEN_MS)
      while (performance.now() < until && !isOver()) await Bun.sleep(CHECK_EVERY_MS)
      if (isOver()) return
      const dice = chance.below(100)
      if (dice < 15) await this.#stop()
      else await this.#end(dice < 45 ? 'killed' : dice < 75 ? 'killed-in-transaction' : 'replaced')
    }
  }

  async #stop(): Promise<void> {
    this.#signal('stopped', 'SIGSTOP')
    await Bun.sleep(this.#parts.chance.spread(10, MOST_STOPPED_MS))
    this.#signal('continued', 'SIGCONT')
  }

  async #end(wanted: DaemonFault): Promise<void> {
    const { pool, chance, current, newer, log, mayUpgrade } = this.#parts
    const isMissed = wanted === 'killed-in-transaction' && !(await this.#isFoundInTransaction())
    const fault = isMissed ? 'killed' : wanted
    // A service manager that installs another version ends the daemon by SIGTERM.
    this.#signal(fault, fault === 'replaced' ? 'SIGTERM' : 'SIGKILL')
    await pool.daemon().exited
    await Bun.sleep(chance.is(0.3) ? 0 : chance.spread(10, MOST_AWAY_MS))
    if (fault === 'replaced' && this.#executable !== newer) {
      this.#executable = mayUpgrade() ? newer : chance.pick(current)
    }
    await pool.restart(this.#executable)
    log.write({ event: 'daemon', at: stamp(), what: 'listens', pid: pool.daemon().pid })
  }

  async #isFoundInTransaction(): Promise<boolean> {
    const { pool } = this.#parts
    const until = performance.now() + MOST_TO_FIND_MS
    while (performance.now() < until) {
      if (writerOf(pool.database) === pool.daemon().pid) return true
      await Bun.sleep(0)
    }
    return false
  }

  #signal(what: DaemonFault, signal: NodeJS.Signals): void {
    const daemon = this.#parts.pool.daemon()
    this.#parts.log.write({ event: 'daemon', at: stamp(), what, pid: daemon.pid })
    daemon.kill(signal)
  }
}
