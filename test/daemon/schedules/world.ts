import { MemoryPlace } from '../../../src/adapters/memory/memory-place.ts'
import { decodePool, encodePool } from '../../../src/adapters/store/document/codec.ts'
import { LocalPool } from '../../../src/app/local-pool.ts'
import { AnnouncingStore } from '../../../src/daemon/announcing-store.ts'
import type { Caller } from '../../../src/daemon/caller.ts'
import { Daemon } from '../../../src/daemon/daemon.ts'
import { DecisionRates } from '../../../src/daemon/decision-rates.ts'
import { EndedReservations } from '../../../src/daemon/ended-reservations.ts'
import type { Stopper } from '../../../src/daemon/time-limit.ts'
import { WatchedProcesses } from '../../../src/daemon/watched-processes.ts'
import { CanhazgpuError } from '../../../src/domain/errors.ts'
import type { GpuReading, Millis, Moment, Pool, ProcessIdentity } from '../../../src/domain/pool/model.ts'
import { gpuUnit } from '../../../src/domain/pool/units.ts'
import { ConnectionFailed, type DaemonConnection } from '../../../src/ports/daemon-connection.ts'
import type { EndSignal } from '../../../src/ports/process-exits.ts'
import { BOOKABLE, Calendar } from './calendar.ts'
import { Client, type Command } from './client.ts'
import { type Lane, Lanes } from './lanes.ts'
import { type Process, Processes, SlowStore } from './machine.ts'
import { Wire } from './wire.ts'

const GPUS = 3

interface Running {
  readonly daemon: Daemon
  readonly store: Lane
  readonly wires: Set<Wire>
  isListening: boolean
  hasEnded: boolean
}

const PROVIDER = 'fake'
const deviceOf = (index: number) => ({ uuid: `GPU-${index}`, name: 'H100' })

/** A machine with clients and a daemon that can be killed at any time. The test decides how long each step takes. */
export class World {
  readonly lanes = new Lanes()
  readonly processes = new Processes(this.lanes)
  /** The steady time of each grant, by reservation. */
  readonly grantedAt = new Map<string, Millis>()
  readonly violations: string[] = []
  readonly calendar = new Calendar(this.violations)
  readonly place: MemoryPlace = new MemoryPlace((pool, moment) => {
    this.calendar.committed(this.place.pool, pool, moment)
    for (const { id } of pool.reservations) {
      if (!this.grantedAt.has(id)) this.grantedAt.set(id, moment.steady.ms)
    }
    return decodePool(encodePool(pool, moment))
  })
  readonly clients: Client[] = []
  /** GPUs that are used without a reservation. */
  readonly occupied = new Set<number>()
  storeFails = false
  driverFails = false
  /** Reservations of a client that exited in the outage of its daemon may stay until they expire. */
  outages = 0
  wall = 1_750_000_000_000
  steady = 86_400_000
  #running: Running | undefined
  readonly #interruptedAt = new Map<number, Millis>()
  readonly #interrupts = {
    read: ({ pid }: ProcessIdentity) => this.#interruptedAt.get(pid) ?? null,
    note: ({ pid }: ProcessIdentity, at: Millis) =>
      !this.storeFails && this.#interruptedAt.set(pid, at) !== null,
    forget: ({ pid }: ProcessIdentity) => void this.#interruptedAt.delete(pid),
  }

  constructor({ bookings = false }: { readonly bookings?: boolean } = {}) {
    const policy = bookings ? BOOKABLE : { allocation: 'lru' as const }
    const pool: Pool = {
      ...{ host: 'h', provider: PROVIDER, policy, writtenAt: this.#now() },
      units: Array.from({ length: GPUS }, (_, at) => ({
        ...{ id: gpuUnit(at), device: deviceOf(at), shape: { kind: 'gpu' } },
      })),
      ...{ reservations: [], queue: [] },
    }
    this.place.pool = pool
    this.processes.onSignal = (process) => this.exit(process)
  }

  get pool(): Pool {
    if (this.place.pool === null) throw new Error('there is no pool')
    return this.place.pool
  }

  get daemon(): Daemon | undefined {
    return this.#running?.daemon
  }

  readonly #now = (): Moment => ({ wall: this.wall, steady: { epoch: 'b/1', ms: this.steady } })

  startDaemon(): void {
    if (this.#running !== undefined) return
    const slow = new SlowStore(this.place, this.#now)
    const lane = this.lanes.open()
    slow.lane = lane
    slow.fails = () => this.storeFails
    const watched = new WatchedProcesses(this.processes.exits(), this.processes.alive, () => this.wall)
    const processes = {
      ...{ alive: watched.alive.bind(watched), exitedAt: watched.exitedAt.bind(watched) },
      stopped: this.processes.stopped,
    }
    const checks = {
      refresh: () => watched.refresh(),
      isWatched: (process: ProcessIdentity) => watched.isWatched(process),
      faultIn: () => undefined,
    }
    const inTurn = (_: number, change: () => Promise<void>) => void change()
    const store = new AnnouncingStore({ store: slow, checks, inTurn, uid: 0 })
    const ended = new EndedReservations()
    store.onCommit((before, after) => ended.follow(before, after))
    const serviceFor = ({ account, process }: Caller) =>
      new LocalPool({
        ...{ store, processes, actor: async () => account },
        isRequesterGone: () => watched.isGone(process ?? null),
        hasEnded: (id) => ended.has(id),
        driver: { sample: () => this.#sample(), askedThresholdMb: null, seesOwners: () => true },
      })
    const daemon = new Daemon({
      version: 'simulated',
      ...{ store, watched, processes, serviceFor },
      own: { uid: 0, name: 'root' },
      identify: ({ uid, groups }) => this.#later(() => ({ account: { uid, name: `user${uid}` }, groups })),
      administrationFor: () => {
        throw new Error('nobody administers')
      },
      limits: {
        startStopper: ({ run }) => this.#startStopper(run.term.process, running),
        interrupts: this.#interrupts,
        clock: () => this.steady,
        pause: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
      },
      stderrOf: () => null,
      tell: async () => {},
      history: async () => 'null',
      serveCommand: async () => null,
      decisionRates: new DecisionRates(() => this.steady),
      clock: () => this.steady,
      log: (error) => {
        if (!(error instanceof CanhazgpuError)) this.violations.push(`logged: ${error}`)
      },
    })
    const running: Running = { daemon, store: lane, wires: new Set(), isListening: false, hasEnded: false }
    this.#running = running
    void daemon.start().then(() => {
      running.isListening = true
    })
  }

  /** Also drops everything that the daemon has begun. */
  killDaemon(): void {
    const running = this.#running
    if (running === undefined) return
    running.hasEnded = true
    running.store.end()
    for (const wire of running.wires) wire.cut()
    this.#running = undefined
    this.outages++
  }

  stopDaemon(): void {
    const running = this.#running
    if (running === undefined) return
    running.daemon.stop()
    for (const wire of running.wires) wire.drop()
    this.killDaemon()
  }

  start(uid: number, command: Command): Client {
    const process = this.processes.start(uid)
    const client = new Client({
      ...{ process, command, clock: () => this.steady },
      connect: () => this.#connect(process),
      exit: (exited) => this.exit(exited),
    })
    this.clients.push(client)
    return client
  }

  exit(process: Process): void {
    if (process.state === 'gone') return
    for (const wire of this.wiresOf(process)) wire.hangUp()
    this.processes.exit(process)
  }

  wiresOf(process: Process): readonly Wire[] {
    return [...(this.#running?.wires ?? [])].filter((wire) => wire.process === process)
  }

  async #connect(process: Process): Promise<DaemonConnection> {
    if (process.state === 'gone') return new Promise(() => {})
    const running = this.#running
    if (running?.isListening !== true) throw new ConnectionFailed('no daemon')
    const violated = (what: string) => this.violations.push(what)
    const wire = new Wire({ process, daemon: running.daemon, lanes: this.lanes, violated })
    running.wires.add(wire)
    return wire.client
  }

  #later<Value>(value: () => Value): Promise<Value> {
    return new Promise((resolve, reject) => {
      this.lanes.open().add(() => {
        try {
          resolve(value())
        } catch (error) {
          reject(error)
        }
      })
    })
  }

  async #sample() {
    return this.#later(() => {
      if (this.driverFails) throw new CanhazgpuError('driver-unresponsive', 'The driver hangs')
      const readings = Array.from(
        { length: GPUS },
        (_, index): GpuReading => ({
          ...{ index, ...deviceOf(index) },
          state: {
            ...{ kind: 'measured', processes: [] },
            memoryUsedMb: this.occupied.has(index) ? 30_000 : 0,
          },
        }),
      )
      return { probe: { provider: PROVIDER, readings } } as const
    })
  }

  /** Every third one does nothing, and every third one has ended already. */
  #startStopper(identity: ProcessIdentity, running: Running): Stopper {
    const { pid } = identity
    const process = this.processes.find(identity)
    const works = pid % 3 === 0 && process !== undefined
    const send = (signal: EndSignal) => {
      if (works && !running.hasEnded) this.processes.signal(identity, signal)
    }
    return {
      interrupt: () =>
        this.#later(() => {
          send('SIGINT')
          return works
        }),
      kill: () => send('SIGKILL'),
      hasEnded: () => pid % 3 === 1 || process?.state === 'gone',
      end: () => {},
    }
  }
}
