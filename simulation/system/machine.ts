import type { Moment } from '../../src/domain/pool/model.ts'
import type { Chance } from '../chance.ts'
import type { Scheduler } from '../scheduler.ts'
import type { Trace } from '../trace.ts'
import { Device, type Model } from './device.ts'
import { DriverState } from './driver.ts'
import type { Process } from './process.ts'
import type { StoredPool } from './stored-pool.ts'

const WALL_OF_ZERO = Date.UTC(2026, 2, 1, 12)
const FIRST_PID = 300
/** The number of pids: few, so that they are reused soon. */
const PIDS = 30

/** One machine: its boots, clocks, processes and GPUs. */
export class Machine {
  readonly name: string
  readonly scheduler: Scheduler
  readonly trace: Trace
  readonly chance: Chance
  readonly devices: readonly Device[]
  readonly driver = new DriverState()
  readonly stored: StoredPool
  readonly processes = new Map<number, Process>()
  /** Called by a process after its commit has changed the pool. */
  committed: () => void = () => {}
  /** Called by a supervisor, as `Supervision` has it; null on a machine that publishes nothing, or with a daemon. */
  signOfLife: ((supervisor: Process) => void) | null = null
  /** Called after each start. */
  started: () => void = () => {}
  isUp = true
  clockSetAt = Number.NEGATIVE_INFINITY
  bootId: string
  /** The number of this boot, from 1. */
  boots = 1
  #bootedAt: number
  #wallOffset = 0
  #lastPid = FIRST_PID

  constructor(
    name: string,
    parts: {
      scheduler: Scheduler
      trace: Trace
      chance: Chance
      models: readonly Model[]
      stored: StoredPool
    },
  ) {
    this.name = name
    this.scheduler = parts.scheduler
    this.trace = parts.trace
    this.chance = parts.chance
    this.stored = parts.stored
    this.devices = parts.models.map((model, at) => new Device(`GPU-${name}-${at}`, model))
    this.bootId = `${name}-boot-1`
    this.#bootedAt = -parts.chance.between(60_000, 10_000_000)
  }

  sinceBoot(): number {
    return this.scheduler.now - this.#bootedAt
  }

  readonly moment = (): Moment => ({
    wall: WALL_OF_ZERO + this.scheduler.now + this.#wallOffset,
    steady: { epoch: this.bootId, ms: this.scheduler.now - this.#bootedAt },
  })

  /** The true time of a moment of the current boot. */
  trueTime(moment: Moment): number {
    return moment.steady.ms + this.#bootedAt
  }

  setClock(by: number): void {
    this.#wallOffset += by
    this.clockSetAt = this.scheduler.now
  }

  freePid(): number {
    const most = Math.max(PIDS, this.processes.size + 1)
    for (;;) {
      this.#lastPid = FIRST_PID + ((this.#lastPid - FIRST_PID + 1) % most)
      if (!this.processes.has(this.#lastPid)) return this.#lastPid
    }
  }

  /** A dead process keeps its pid until its parent has waited for it. */
  reap(process: Process): void {
    const remove = () => {
      process.isZombie = false
      if (this.processes.get(process.pid) === process) this.processes.delete(process.pid)
    }
    if (!this.isUp || this.chance.is(0.5)) {
      remove()
      return
    }
    process.isZombie = true
    this.scheduler.after(this.chance.spread(10, 20_000), null, remove)
  }

  liveProcesses(): readonly Process[] {
    return [...this.processes.values()].filter((process) => process.isAlive)
  }

  shutDown(): void {
    this.isUp = false
    for (const process of this.liveProcesses()) process.die()
    this.processes.clear()
    for (const device of this.devices) device.uses.clear()
  }

  startUp(): void {
    this.isUp = true
    this.boots++
    this.bootId = `${this.name}-boot-${this.boots}`
    this.#bootedAt = this.scheduler.now
    this.#lastPid = FIRST_PID
    this.started()
  }
}
