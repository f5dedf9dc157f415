import type { Administration } from '../app/administration.ts'
import { tooManyConnections } from '../domain/daemon-errors.ts'
import { CanhazgpuError } from '../domain/errors.ts'
import type { Account, Millis } from '../domain/pool/model.ts'
import type { ProcessCheck } from '../domain/pool/process-check.ts'
import type { ClientConnection, ConnectionHandler, Receiver } from '../ports/daemon-listener.ts'
import type { PoolService } from '../ports/pool-service.ts'
import type { AnnouncingStore } from './announcing-store.ts'
import type { Caller } from './caller.ts'
import { Commands, type CommandsParts } from './commands.ts'
import type { DecisionRates } from './decision-rates.ts'
import { FairTurns } from './fair-turns.ts'
import { RecordRates } from './record-rates.ts'
import { Runs } from './runs.ts'
import { Session } from './session.ts'
import type { SessionParts } from './session-parts.ts'
import { SlowTurns } from './slow-turns.ts'
import { stopAtLimit, type TimeLimitParts } from './time-limit.ts'
import { Waiters } from './waiters.ts'
import type { WatchedProcesses } from './watched-processes.ts'
import { Watchers } from './watchers.ts'

/** Interval of a new attempt while the store fails. */
const RETRY_AFTER_MS: Millis = 1_000
export interface DaemonParts {
  /** The version of this program. */
  readonly version: string
  readonly store: AnnouncingStore
  readonly watched: WatchedProcesses
  readonly processes: ProcessCheck
  /** The account of the daemon. */
  readonly own: Account
  readonly identify: SessionParts['identify']
  readonly administrationFor: (caller: Caller) => Administration
  readonly serviceFor: (caller: Caller) => PoolService
  readonly history: SessionParts['history']
  readonly serveCommand: SessionParts['serveCommand']
  readonly decisionRates: DecisionRates
  /** How this machine ends runs at their time limits. */
  readonly limits: Omit<TimeLimitParts, 'processes' | 'tell' | 'log'>
  readonly stderrOf: CommandsParts['stderrOf']
  /** Writes a line to the standard error of a command. Resolves when the writer has opened it, or after a second. */
  readonly tell: (...message: Parameters<CommandsParts['tell']>) => Promise<void>
  /** Steady time. */
  readonly clock: () => Millis
  /** Reports a failure to the log. */
  readonly log: (error: unknown) => void
}

/** The daemon behind its socket: sessions, waiters and runs on one store. */
export class Daemon implements ConnectionHandler {
  readonly refusal = JSON.stringify({ error: tooManyConnections() })
  readonly #parts: DaemonParts
  readonly #service: PoolService
  readonly #waiters: Waiters
  readonly #runs: Runs
  readonly #commands: Commands
  readonly #turns: FairTurns
  /** Each takes a process. */
  readonly #historyTurns: SlowTurns
  readonly #queueTurns: SlowTurns
  readonly #recordRates: RecordRates
  readonly #greetings: FairTurns
  readonly #paced: FairTurns
  readonly #watchers = new Watchers()
  #isSettling = false
  #isStopping = false
  #retry: ReturnType<typeof setTimeout> | undefined

  constructor(parts: DaemonParts) {
    this.#parts = parts
    const { clock } = parts
    // While the driver hangs, each request for GPUs takes a place until its deadline.
    this.#turns = new FairTurns({ mostAtOnce: 1_024, mostPerAccount: 2, clock })
    this.#historyTurns = new SlowTurns({ mostAtOnce: 4, mostPerAccount: 1, clock, rests: false })
    this.#queueTurns = new SlowTurns({ mostAtOnce: 1, mostPerAccount: 1, clock, rests: true })
    this.#greetings = new FairTurns({ mostAtOnce: 64, mostPerAccount: 8, clock })
    this.#paced = new FairTurns({ mostAtOnce: Number.POSITIVE_INFINITY, mostPerAccount: 1, clock })
    this.#recordRates = new RecordRates(clock)
    this.#service = parts.serviceFor({ account: parts.own, groups: [] })
    this.#waiters = new Waiters({
      ...{ service: this.#service, processes: parts.processes, clock, log: parts.log },
      isStopping: () => this.#isStopping,
    })
    this.#commands = new Commands({
      stderrOf: parts.stderrOf,
      alive: parts.processes.alive,
      tell: (...message) => void this.#logged(parts.tell(...message)),
    })
    const limits: TimeLimitParts = {
      ...{ ...parts.limits, processes: parts.watched, log: parts.log },
      tell: async (run, line) =>
        void (await this.#logged(parts.tell(run, this.#commands.stderrOf(run.id), line))),
    }
    this.#runs = new Runs({
      processes: parts.watched,
      stop: async (due) => void (await this.#logged(stopAtLimit(due, limits))),
      settle: () => void this.#settle(),
      beat: (ids) => void this.#beat(ids),
    })
    parts.watched.onExit = () => void this.#settle()
    parts.store.onCommit((before, after) => {
      this.#commands.follow(before, after)
      void this.#follow()
      this.#watchers.changed()
      const isSame =
        before?.reservations === after.reservations &&
        before.bookings === after.bookings &&
        before.queue.length === after.queue.length &&
        before.policy === after.policy
      if (!isSame) this.#waiters.serve()
    })
  }

  /**
   * Ends the reservations whose end came while no daemon ran, and watches the others. Must be called before the first
   * connection.
   */
  async start(): Promise<void> {
    const before = await this.#logged(this.#service.view('stored'))
    if (before !== undefined) this.#runs.noteUnseenExits(before)
    await this.#settle()
    const read = await this.#logged(this.#service.view('stored'))
    if (read !== undefined) this.#commands.adopt(read.pool)
  }

  /** From now on a closed connection changes nothing. Must be called before the listener is closed. */
  stop(): void {
    this.#isStopping = true
  }

  opened(connection: ClientConnection): Receiver {
    const { identify, administrationFor, serviceFor, watched, log, own } = this.#parts
    return new Session({
      connection,
      version: this.#parts.version,
      waiters: this.#waiters,
      commands: this.#commands,
      identify,
      mayAdminister: (asking) => asking === 0 || asking === own.uid,
      administrationFor,
      serviceFor,
      isGone: (process) => watched.isGone(process),
      history: this.#parts.history,
      serveCommand: this.#parts.serveCommand,
      ...{ historyTurns: this.#historyTurns, queueTurns: this.#queueTurns },
      ...{ recordRates: this.#recordRates, decisionRates: this.#parts.decisionRates },
      hasEnded: (id) => this.#hasEnded(id),
      inTurn: (asking, task) => this.#turns.add(asking, task),
      soon: (asking, task) => this.#greetings.add(asking, task),
      paced: (asking, task) => this.#paced.add(asking, task),
      onChange: (changed) => this.#watchers.add(changed),
      failed: log,
    })
  }

  async #hasEnded(id: string): Promise<boolean> {
    if (!(await this.#parts.store.isRecorded(id))) return false
    // It may have released some of its GPUs only.
    const { pool } = await this.#service.view('stored')
    return pool.reservations.every((held) => held.id !== id)
  }

  /** Whether somebody waits for GPUs or watches the pool. */
  get isWatched(): boolean {
    return this.#waiters.count > 0 || this.#watchers.count > 0
  }

  /** Many processes may exit at once; one `settle` ends the runs of all that have exited before it. */
  async #settle(): Promise<void> {
    if (this.#isSettling) return
    this.#isSettling = true
    // Exits reported in the same iteration of the event loop are settled together.
    await Promise.resolve()
    this.#isSettling = false
    await this.#logged(this.#service.perform({ op: 'settle' }))
    await this.#follow()
  }

  async #beat(ids: readonly string[]): Promise<void> {
    for (const id of ids) await this.#logged(this.#service.perform({ op: 'heartbeat', id }))
    await this.#follow()
  }

  async #follow(): Promise<void> {
    clearTimeout(this.#retry)
    try {
      this.#runs.follow(await this.#service.view('stored'))
    } catch (error) {
      if (isNotInitialized(error)) return
      this.#parts.log(error)
      // What ended meanwhile would otherwise stay until the next commit.
      clearTimeout(this.#retry)
      this.#retry = setTimeout(() => void this.#settle(), RETRY_AFTER_MS)
    }
  }

  /** Logs a failure and returns undefined. A pool that is not set up yet is not logged. */
  async #logged<Answer>(work: Promise<Answer>): Promise<Answer | undefined> {
    try {
      return await work
    } catch (error) {
      if (!isNotInitialized(error)) this.#parts.log(error)
      return undefined
    }
  }
}

const isNotInitialized = (error: unknown): boolean =>
  error instanceof CanhazgpuError && error.code === 'pool-not-initialized'
