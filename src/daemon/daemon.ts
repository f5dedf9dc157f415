import type { Administration } from '../app/administration.ts'
import { tooManyConnections } from '../domain/daemon-errors.ts'
import { CanhazgpuError } from '../domain/errors.ts'
import type { Account } from '../domain/pool/model.ts'
import type { ProcessCheck } from '../domain/pool/process-check.ts'
import type { ClientConnection, ConnectionHandler, Receiver } from '../ports/daemon-listener.ts'
import type { PoolService } from '../ports/pool-service.ts'
import type { ProcessExits } from '../ports/process-exits.ts'
import type { AnnouncingStore } from './announcing-store.ts'
import { FairTurns } from './fair-turns.ts'
import { Runs, type RunsParts } from './runs.ts'
import { Session } from './session.ts'
import { Waiters } from './waiters.ts'

const MOST_CONNECTIONS_PER_ACCOUNT = 1_024

export interface DaemonParts {
  readonly store: AnnouncingStore
  readonly exits: ProcessExits
  readonly processes: ProcessCheck
  /** The account of the daemon. */
  readonly own: Account
  readonly accountOf: (uid: number) => Promise<Account>
  readonly administrationFor: (account: Account) => Administration
  readonly serviceFor: (account: Account, threshold: number | null) => PoolService
  readonly stop: RunsParts['stop']
  /** The most connections that the limit of descriptors allows. */
  readonly mostConnections: number
  /** Reports a failure to the log. */
  readonly log: (error: unknown) => void
}

/** The daemon behind its socket: sessions, waiters and runs on one store. */
export class Daemon implements ConnectionHandler {
  readonly #parts: DaemonParts
  readonly #service: PoolService
  readonly #waiters: Waiters
  readonly #runs: Runs
  readonly #turns = new FairTurns()
  readonly #connections = new Map<number, number>()
  #connectionCount = 0
  #isSettling = false
  #watchers = 0

  constructor(parts: DaemonParts) {
    this.#parts = parts
    this.#service = parts.serviceFor(parts.own, null)
    this.#waiters = new Waiters({ service: this.#service, processes: parts.processes })
    this.#runs = new Runs({ exits: parts.exits, stop: parts.stop, settle: () => void this.#settle() })
    parts.store.onCommit((before, after) => {
      void this.#follow()
      if (before?.reservations !== after.reservations || before.queue.length !== after.queue.length) {
        this.#waiters.serve()
      }
    })
  }

  /** Ends what ended while no daemon ran, and watches the rest. Must be called before the first connection. */
  async start(): Promise<void> {
    await this.#settle()
  }

  opened(connection: ClientConnection): Receiver | null {
    const { uid } = connection.peer
    const count = this.#connections.get(uid) ?? 0
    if (count >= MOST_CONNECTIONS_PER_ACCOUNT || this.#connectionCount >= this.#parts.mostConnections) {
      connection.end(JSON.stringify({ error: tooManyConnections() }))
      return null
    }
    this.#connections.set(uid, count + 1)
    this.#connectionCount++
    const { accountOf, administrationFor, serviceFor, log, own } = this.#parts
    return new Session({
      connection,
      waiters: this.#waiters,
      accountOf,
      mayAdminister: (asking) => asking === 0 || asking === own.uid,
      administrationFor,
      serviceFor,
      inTurn: (asking, task) => this.#turns.add(asking, task),
      onChange: (changed) => this.#watch(changed),
      failed: log,
      closed: () => {
        this.#connectionCount--
        const left = (this.#connections.get(uid) ?? 1) - 1
        if (left === 0) this.#connections.delete(uid)
        else this.#connections.set(uid, left)
      },
    })
  }

  /** Whether somebody waits for GPUs or watches them. */
  get isWatched(): boolean {
    return this.#watchers > 0 || this.#waiters.count > 0
  }

  #watch(changed: () => void): () => void {
    const forget = this.#parts.store.onCommit(changed)
    this.#watchers++
    return () => {
      this.#watchers--
      forget()
    }
  }

  /** Many processes may exit at once; one settling ends all that have exited before it. */
  async #settle(): Promise<void> {
    if (this.#isSettling) return
    this.#isSettling = true
    // Exits that are reported in the same iteration of the event loop are settled together.
    await Promise.resolve()
    this.#isSettling = false
    try {
      await this.#service.perform({ op: 'settle' })
    } catch (error) {
      if (!isNotInitialized(error)) this.#parts.log(error)
    }
    await this.#follow()
  }

  async #follow(): Promise<void> {
    try {
      this.#runs.follow(await this.#service.view('stored'))
    } catch (error) {
      if (!isNotInitialized(error)) this.#parts.log(error)
    }
  }
}

const isNotInitialized = (error: unknown): boolean =>
  error instanceof CanhazgpuError && error.code === 'pool-not-initialized'
