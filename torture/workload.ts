import { Chance } from '../simulation/chance.ts'
import { daemonsOf, hasEnded, kill, stoppersOf, supervisorsOf } from '../test/support/processes.ts'
import { type Action, Actions, type Book } from './actions.ts'
import { BOOKINGS_END_WITHIN_MS, CALENDAR_RULES, CalendarActions } from './calendar-actions.ts'
import { stamp } from './clock.ts'
import { DaemonFaults } from './daemon-faults.ts'
import { injectFault } from './faults.ts'
import { LiveCommands } from './live-commands.ts'
import { measureLoad } from './load-meter.ts'
import { type CommandRequest, type Log, openLog, paths } from './log.ts'
import {
  cancelRequest,
  gpusRequest,
  policyRequest,
  readRequest,
  releaseRequest,
  requestFor,
  undone,
  userOf,
} from './requests.ts'
import type { RunningCommand } from './running-command.ts'
import { type Setup, UNUSED_AFTER_MS, type User } from './setup.ts'
import { writerOf } from './transactions.ts'

/** How many commands run at once, and after which time all users release their manual reservations if none can start. */
interface Load {
  readonly atOnce: number
  readonly releaseAfter: number
}

/** More commands at once would only wait for the processor cores. */
const RUSH: Load = { atOnce: 40, releaseAfter: 500 }
/** All reservations end by themselves; a release would end bookings that have begun. */
const CALENDAR: Load = { atOnce: 16, releaseAfter: 15_000 }
const POLL_EVERY_MS = 5
const READ_EVERY_MS = 300
const PROCESSES_END_WITHIN_MS = 60_000

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
  readonly #commands: LiveCommands
  /** Unfinished parts of actions. */
  readonly #pending = new Set<Promise<void>>()
  #isAborted = false
  #hasEnded = false
  /** Children of the last daemon. */
  #stoppers: readonly number[] = []
  #faults = Promise.resolve()

  constructor(setup: Setup, log: Log) {
    this.#setup = setup
    this.#log = log
    this.#commands = new LiveCommands(setup, log)
  }

  async run({ seed, gpus, seconds, isStopped }: WorkloadOptions): Promise<void> {
    const users = this.#setup.users.map(({ name }) => name)
    this.#log.write({
      event: 'opened',
      at: stamp(),
      ...{ seed, gpus, users },
      administrator: this.#setup.administrator.uid,
      unusedAfter: UNUSED_AFTER_MS,
    })
    const size = { users: users.length, gpus }
    const end = performance.now() + seconds * 1000
    const half = end - (seconds / 2) * 1000
    const isOver = () => performance.now() >= end || isStopped() || this.#commands.areStuck
    const { daemon } = this.#setup
    if (daemon !== null) {
      const mayUpgrade = () => performance.now() >= half
      const chance = new Chance(seed)
      this.#faults = new DaemonFaults({ ...daemon, log: this.#log, chance, isOver, mayUpgrade }).run()
    }
    const rush = (isOver: () => boolean) => this.#load(new Actions(seed, size), RUSH, isOver)
    const calendar = (isOver: () => boolean) => this.#calendar(new CalendarActions(seed, size), isOver)
    const [first, second] = seed % 2 === 0 ? [rush, calendar] : [calendar, rush]
    const measuring = measureLoad(this.#log, () => this.#hasEnded)
    await first(() => isOver() || performance.now() >= half)
    await second(isOver)
    await (isStopped() ? this.#abort() : this.#finish())
    this.#hasEnded = true
    await measuring
  }

  async #load(actions: { next(): Action }, { atOnce, releaseAfter }: Load, isOver: () => boolean) {
    while (!isOver()) {
      await this.#commands.waitForRoom(atOnce, releaseAfter)
      const action = actions.next()
      this.#perform(action)
      await Bun.sleep(action.pause)
    }
  }

  /** The pool has no command, booking, drain and rule before and after. */
  async #calendar(actions: CalendarActions, isOver: () => boolean): Promise<void> {
    await this.#settle(RUSH)
    for (const [rule, value] of CALENDAR_RULES) {
      await this.#insist(() => policyRequest(this.#setup, { rule, value, of: 'pool' }))
    }
    await this.#load(actions, CALENDAR, isOver)
    await this.#settle(CALENDAR)
    await this.#untilBookingsHaveEnded()
    for (const [rule] of CALENDAR_RULES.toReversed()) {
      await this.#insist(() => policyRequest(this.#setup, { rule, value: null, of: 'pool' }))
    }
  }

  /** Without a daemon, the commands begin and end the last bookings. */
  async #untilBookingsHaveEnded(): Promise<void> {
    const until = performance.now() + BOOKINGS_END_WITHIN_MS
    while (performance.now() < until && !this.#isAborted) {
      await this.#commands.start(() => readRequest(userOf(this.#setup, 0), 'status', '--json')).ended
      await Bun.sleep(READ_EVERY_MS)
    }
  }

  async #insist(requestOf: () => CommandRequest): Promise<void> {
    if (!this.#isAborted) await this.#commands.insist(requestOf)
  }

  #perform(action: Action): void {
    if (action.kind === 'kill-writer') {
      // Only the daemon writes its pool.
      if (this.#setup.daemon === null) this.#track(this.#killWriter(action.within))
      return
    }
    const command = this.#commands.start((id) => requestFor(action, id, this.#setup))
    if (action.fault !== null) {
      const { store } = this.#setup.pool
      this.#track(injectFault(command, action.fault, { store, usual: () => this.#commands.usual }))
    }
    this.#track(this.#followUp(action, command))
  }

  #track(pending: Promise<void>): void {
    this.#pending.add(pending)
    void pending.then(() => this.#pending.delete(pending))
  }

  /** The command that undoes this one. */
  async #followUp(action: Exclude<Action, { kind: 'kill-writer' }>, command: RunningCommand): Promise<void> {
    switch (action.kind) {
      case 'reserve': {
        const { releasedAfter } = action
        if (releasedAfter === undefined || (await command.granted) === undefined) return
        return this.#later(releasedAfter, () => releaseRequest(userOf(this.#setup, action.user), null))
      }
      case 'book': {
        const booked = action.cancelledAfter === undefined ? undefined : await command.granted
        if (booked === undefined) return
        const by = this.#cancels(action)
        return this.#later(action.cancelledAfter ?? 0, () => cancelRequest(by, booked.reservation))
      }
      case 'drain':
        await command.ended
        await Bun.sleep(action.undoneAfter)
        return this.#insist(() => gpusRequest(this.#setup.administrator, 'restore', action.ids))
      case 'policy':
        await command.ended
        await Bun.sleep(action.undoneAfter)
        return this.#insist(() => policyRequest(this.#setup, undone(action)))
    }
  }

  async #later(ms: number, requestOf: () => CommandRequest): Promise<void> {
    await Bun.sleep(ms)
    if (!this.#isAborted) this.#commands.start(requestOf)
  }

  #cancels({ user, cancelledBy }: Book & { readonly user: number }): User {
    const { users, administrator } = this.#setup
    if (cancelledBy === 'administrator') return administrator
    return userOf(this.#setup, cancelledBy === 'user' ? user : (user + 1) % users.length)
  }

  /** Kills the first process that is found in a transaction. */
  async #killWriter(within: number): Promise<void> {
    const { database, store } = this.#setup.pool
    const end = performance.now() + within
    while (performance.now() < end) {
      const pid = writerOf(database)
      const writer = this.#commands.all.find((each) => each.pid === pid)
      if (writer !== undefined) return writer.signal('SIGKILL', 'transaction')
      if (pid !== null && supervisorsOf({ store }).includes(pid)) {
        const [command, phase, signal] = ['', 'transaction', 'SIGKILL'] as const
        this.#log.write({ event: 'signalled', at: stamp(), command, phase, pid, signal })
        return kill(pid, signal)
      }
      await Bun.sleep(0)
    }
  }

  /** Waits for all commands, and for the end of all bookings. Then all GPUs are free, unless a command is stuck. */
  async #settle({ releaseAfter }: Load): Promise<void> {
    do {
      await this.#commands.waitForRoom(0, releaseAfter)
      if (this.#commands.all.length > 0) return
      await Promise.all(this.#pending)
    } while (this.#commands.all.length > 0)
    await this.#commands.releaseAll()
  }

  async #finish(): Promise<void> {
    await this.#faults
    await this.#settle(RUSH)
    if (this.#commands.all.length > 0) return this.#reportStuck()
    const first = userOf(this.#setup, 0)
    for (const verb of ['status', 'queue', 'report'] as const) {
      await this.#commands.start(() => readRequest(first, verb, '--json')).ended
    }
    await this.#commands.start(() => readRequest(first, 'report')).ended
    await this.#endDaemon()
    await this.#waitForProcesses()
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
    const deadline = performance.now() + PROCESSES_END_WITHIN_MS
    while (left().length > 0 && performance.now() < deadline) await Bun.sleep(POLL_EVERY_MS)
    const pids = left()
    if (pids.length > 0) this.#log.write({ event: 'remained', at: stamp(), pids })
  }

  #reportStuck(): Promise<void> {
    const commands = this.#commands.all.map(({ command }) => command)
    this.#log.write({ event: 'stuck', at: stamp(), commands })
    return this.#abort()
  }

  async #abort(): Promise<void> {
    this.#isAborted = true
    await this.#faults
    for (const each of this.#commands.all) each.signal('SIGKILL')
    await Promise.all(this.#commands.all.map(({ ended }) => ended))
    await Promise.all(this.#pending)
  }
}
