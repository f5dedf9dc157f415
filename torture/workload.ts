import { Chance } from '../simulation/chance.ts'
import { daemonsOf, hasEnded, kill, stoppersOf, supervisorsOf } from '../test/support/processes.ts'
import { type Action, Actions } from './actions.ts'
import { stamp } from './clock.ts'
import { DaemonFaults } from './daemon-faults.ts'
import { injectFault } from './faults.ts'
import { type CommandRequest, type Log, openLog, paths } from './log.ts'
import { readRequest, releaseRequest, requestFor, userOf } from './requests.ts'
import { RunningCommand } from './running-command.ts'
import type { Setup } from './setup.ts'
import { writerOf } from './transactions.ts'

/** More commands at once would only wait for the processor cores. */
const MOST_AT_ONCE = 40
/** Commands count as stuck when no `run` or `reserve` has ended for this time. Each takes far less. */
const STUCK_AFTER_MS = 60_000
/** When no other command can start for this time, all users release their manual reservations. */
const RELEASE_AFTER_MS = 500
const POLL_EVERY_MS = 5
/** The usual duration until the first commands have ended. */
const USUAL_AT_FIRST_MS = 20
const MOST_USUAL_MS = 200

export interface WorkloadOptions {
  readonly seed: number
  readonly gpus: number
  readonly seconds: number
  /** Called before every action. */
  readonly isStopped: () => boolean
}

/** Starts commands until the time has passed, then waits until all have ended. After an interrupt it kills them. */
export async function runWorkload(setup: Setup, options: WorkloadOptions): Promise<void> {
  const log = openLog(paths(setup.pool.folder).log)
  try {
    await new Workload(setup, log).run(options)
  } finally {
    log.close()
  }
}

class Workload {
  readonly #setup: Setup
  readonly #log: Log
  readonly #live = new Set<RunningCommand>()
  /** Unfinished parts of actions. */
  readonly #pending = new Set<Promise<void>>()
  #isAborted = false
  /** Children of the last daemon. */
  #stoppers: readonly number[] = []
  #started = 0
  #faults = Promise.resolve()
  /** When the last `run` or `reserve` ended. */
  #lastEnd = performance.now()
  /** The usual duration of a command that does not wait, ms. */
  #usual = USUAL_AT_FIRST_MS

  constructor(setup: Setup, log: Log) {
    this.#setup = setup
    this.#log = log
  }

  async run({ seed, gpus, seconds, isStopped }: WorkloadOptions): Promise<void> {
    const users = this.#setup.users.map(({ name }) => name)
    this.#log.write({ event: 'opened', at: stamp(), seed, gpus, users })
    const actions = new Actions(seed, { users: users.length, gpus })
    const end = performance.now() + seconds * 1000
    const isOver = () => performance.now() >= end || isStopped() || this.#isStuck()
    const { daemon } = this.#setup
    if (daemon !== null) {
      const mayUpgrade = () => end - performance.now() < (seconds / 2) * 1000
      const chance = new Chance(seed)
      this.#faults = new DaemonFaults({ ...daemon, log: this.#log, chance, isOver, mayUpgrade }).run()
    }
    while (!isOver()) {
      await this.#waitForRoom(MOST_AT_ONCE)
      const action = actions.next()
      this.#perform(action)
      await Bun.sleep(action.pause)
    }
    if (isStopped()) return this.#abort()
    await this.#finish()
  }

  #perform(action: Action): void {
    if (action.kind === 'kill-writer') {
      // Only the daemon writes its pool.
      if (this.#setup.daemon === null) this.#track(this.#killWriter(action.within))
      return
    }
    const command = this.#start((id) => requestFor(action, id, this.#setup))
    if (action.fault !== null) {
      const { store } = this.#setup.pool
      this.#track(injectFault(command, action.fault, { store, usual: () => this.#usual }))
    }
    if (action.kind !== 'reserve' || action.releasedAfter === undefined) return
    this.#track(this.#releaseAfter(command, action.releasedAfter, action.user))
  }

  #track(pending: Promise<void>): void {
    this.#pending.add(pending)
    void pending.then(() => this.#pending.delete(pending))
  }

  async #releaseAfter({ granted }: RunningCommand, ms: number, user: number): Promise<void> {
    if ((await granted) === undefined) return
    await Bun.sleep(ms)
    if (!this.#isAborted) this.#start(() => releaseRequest(userOf(this.#setup, user), null))
  }

  /** Kills the first process that is found in a transaction. */
  async #killWriter(within: number): Promise<void> {
    const { database, store } = this.#setup.pool
    const end = performance.now() + within
    while (performance.now() < end) {
      const pid = writerOf(database)
      const writer = [...this.#live].find((each) => each.pid === pid)
      if (writer !== undefined) return writer.signal('SIGKILL', 'transaction')
      if (pid !== null && supervisorsOf({ store }).includes(pid)) {
        const [command, phase, signal] = ['', 'transaction', 'SIGKILL'] as const
        this.#log.write({ event: 'signalled', at: stamp(), command, phase, pid, signal })
        return kill(pid, signal)
      }
      await Bun.sleep(0)
    }
  }

  /** Waits for all commands. Then all GPUs must be free. */
  async #finish(): Promise<void> {
    await this.#faults
    await this.#waitForRoom(0)
    if (this.#live.size > 0) return this.#reportStuck()
    await Promise.all(this.#pending)
    await this.#releaseAll()
    const first = userOf(this.#setup, 0)
    for (const verb of ['status', 'queue', 'report'] as const) {
      await this.#start(() => readRequest(first, verb, '--json')).ended
    }
    await this.#start(() => readRequest(first, 'report')).ended
    await this.#endDaemon()
    await this.#waitForProcesses()
  }

  /**
   * Waits until at most `count` commands run. Meanwhile it releases manual reservations: no other command would release
   * the GPUs of a `reserve` that was killed.
   */
  async #waitForRoom(count: number): Promise<void> {
    while (this.#live.size > count && !this.#isStuck()) {
      const deadline = performance.now() + RELEASE_AFTER_MS
      while (this.#live.size > count && performance.now() < deadline) await Bun.sleep(POLL_EVERY_MS)
      if (this.#live.size > count) await this.#releaseAll()
    }
  }

  async #releaseAll(): Promise<void> {
    const releases = this.#setup.users.map((user) => this.#start(() => releaseRequest(user, null)))
    await Promise.all(releases.map(({ ended }) => ended))
  }

  async #endDaemon(): Promise<void> {
    const served = this.#setup.daemon?.pool
    if (served !== undefined) this.#stoppers = stoppersOf(served)
    const daemon = served?.daemon()
    daemon?.kill('SIGTERM')
    await daemon?.exited
  }

  async #waitForProcesses(): Promise<void> {
    const { pool } = this.#setup
    const left = () => [
      ...supervisorsOf(pool),
      ...this.#stoppers.filter((pid) => !hasEnded(pid)),
      ...daemonsOf(pool),
    ]
    const deadline = performance.now() + STUCK_AFTER_MS
    while (left().length > 0 && performance.now() < deadline) await Bun.sleep(POLL_EVERY_MS)
    const pids = left()
    if (pids.length > 0) this.#log.write({ event: 'remained', at: stamp(), pids })
  }

  #reportStuck(): Promise<void> {
    const commands = [...this.#live].map(({ command }) => command)
    this.#log.write({ event: 'stuck', at: stamp(), commands })
    return this.#abort()
  }

  async #abort(): Promise<void> {
    this.#isAborted = true
    await this.#faults
    for (const each of this.#live) each.signal('SIGKILL')
    await Promise.all([...this.#live].map(({ ended }) => ended))
    await Promise.all(this.#pending)
  }

  #isStuck(): boolean {
    return this.#live.size > 0 && performance.now() - this.#lastEnd > STUCK_AFTER_MS
  }

  #start(requestOf: (command: string) => CommandRequest): RunningCommand {
    const command = `c${++this.#started}`
    const request = requestOf(command)
    const user = this.#setup.users.find(({ uid }) => uid === request.uid) ?? userOf(this.#setup, 0)
    const begun = performance.now()
    const started = new RunningCommand(this.#log, { command, request, user })
    this.#live.add(started)
    void started.ended.then(() => {
      this.#live.delete(started)
      if (request.verb === 'run' || request.verb === 'reserve') this.#lastEnd = performance.now()
      // A longer one waited for a daemon.
      const duration = Math.min(performance.now() - begun, MOST_USUAL_MS)
      if (request.verb === 'status') this.#usual += (duration - this.#usual) / 10
    })
    return started
  }
}
