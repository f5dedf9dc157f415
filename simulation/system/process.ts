import type { Account, Liveness, Moment, Pool, Probe, ProcessIdentity } from '../../src/domain/pool/model.ts'
import type { Chance } from '../chance.ts'
import type { Actor, ScheduledEvent } from '../scheduler.ts'
import type { DriverKind } from './driver.ts'
import { bootIdAs, isSeenStopped, kernelAnswer, type ReadableBootId } from './kernel.ts'
import type { Machine } from './machine.ts'
import type { Purpose } from './purpose.ts'
import type { Work } from './work.ts'

/** One process of a machine. After the process has ended, its promises never resolve. */
export class Process implements Actor {
  state: 'running' | 'stopped' | 'dead' = 'running'
  wasStopped = false
  /** Frozen by a control group: the process does nothing, and the kernel does not show it as stopped. */
  isFrozen = false
  stoppedSince = Number.NEGATIVE_INFINITY
  /** When it last began or continued to run. */
  resumedAt: number
  readonly held: ScheduledEvent[] = []
  readonly identity: ProcessIdentity
  readonly startedAt: number
  /** When it began to supervise a run. A supervisor takes a moment to start. */
  supervisesSince = Number.POSITIVE_INFINITY
  /** The true boot of the process. */
  readonly boot: number
  readonly readableBootId: ReadableBootId
  diedAt = Number.POSITIVE_INFINITY
  /** Dead, but its parent has not yet waited for it. */
  isZombie = false
  purpose: Purpose
  /** The driver's last answer to this process. */
  lastProbe: Probe | undefined
  /** The pool after its last decision, written or not, and its wall clock at that time. */
  lastDecision: { readonly pool: Pool; readonly wall: number } | undefined
  /** During a probe: the behavior of the driver at its start, which decides how long the probe takes. */
  probing: DriverKind | undefined
  role: 'client' | 'command' | 'supervisor' | 'daemon' = 'client'
  /** Whether it was ended before its program was. */
  diedUnfinished = false
  isFinished = false
  /** Its work after it became a command. */
  work: Work | undefined
  interrupted = false
  readonly onInterrupt: (() => void)[] = []
  readonly onDeath: (() => void)[] = []

  readonly machine: Machine
  readonly account: Account
  readonly chance: Chance

  constructor(
    machine: Machine,
    parts: {
      account: Account
      purpose: Purpose
      chance: Chance
      namespace: string
      bootId: ReadableBootId
    },
  ) {
    this.machine = machine
    this.account = parts.account
    this.purpose = parts.purpose
    this.chance = parts.chance
    this.startedAt = machine.scheduler.now
    this.resumedAt = this.startedAt
    this.identity = {
      pid: machine.freePid(),
      startTime: Math.floor(machine.sinceBoot() / 10),
      bootId: bootIdAs(machine.bootId, parts.bootId),
      pidNamespace: parts.namespace,
    }
    this.boot = machine.boots
    this.readableBootId = parts.bootId
  }

  get pid(): number {
    return this.identity.pid
  }

  get isAlive(): boolean {
    return this.state !== 'dead'
  }

  get name(): string {
    return `${this.machine.name}/${this.pid}`
  }

  /** The kernel's answers to this process about others. */
  readonly alive = (identity: ProcessIdentity): Liveness =>
    kernelAnswer(this, { identity, found: this.machine.processes.get(identity.pid) })

  /** The clocks as this process reads them. */
  readonly moment = (): Moment => {
    const { wall, steady } = this.machine.moment()
    return { wall, steady: { epoch: this.identity.bootId, ms: steady.ms } }
  }

  readonly stopped = (identity: ProcessIdentity): boolean =>
    isSeenStopped(this.machine, identity, this.identity.pidNamespace)

  /** Waits, then resolves with the value of `produce` at that time. */
  suspend<Result>(delay: number, produce: () => Result): Promise<Result> {
    return new Promise((resolve, reject) => {
      this.machine.scheduler.after(delay, this, () => {
        try {
          resolve(produce())
        } catch (error) {
          reject(error)
        }
      })
    })
  }

  /** Rounds up to whole milliseconds: a wait of a fraction may end too early by rounding, again and again. */
  readonly sleep = (ms: number): Promise<void> => this.suspend(Math.ceil(ms), () => {})

  stop(): void {
    if (this.state !== 'running') return
    this.state = 'stopped'
    this.wasStopped = true
    this.isFrozen = false
    this.stoppedSince = this.machine.scheduler.now
  }

  freeze(): void {
    if (this.state !== 'running') return
    this.stop()
    this.isFrozen = true
  }

  resume(): void {
    if (this.state !== 'stopped') return
    this.state = 'running'
    this.resumedAt = this.machine.scheduler.now
    this.machine.scheduler.resume(this)
  }

  interrupt(): void {
    this.interrupted = true
    for (const callback of this.onInterrupt) this.machine.scheduler.after(0, this, callback)
  }

  die(): void {
    if (this.state === 'dead') return
    this.state = 'dead'
    this.diedAt = this.machine.scheduler.now
    this.diedUnfinished = !this.isFinished
    this.held.length = 0
    for (const callback of this.onDeath.splice(0)) callback()
    this.machine.reap(this)
  }
}
