import type { Account, Liveness, Moment, Pool, Probe, ProcessIdentity } from '../../src/domain/pool/model.ts'
import type { Chance } from '../chance.ts'
import type { Actor, ScheduledEvent } from '../scheduler.ts'
import type { DriverKind } from './driver.ts'
import { bootIdAs, isSeenStopped, kernelAnswer, type ReadableBootId } from './kernel.ts'
import type { Machine } from './machine.ts'
import type { Purpose } from './purpose.ts'
import type { Work } from './work.ts'

/** One process of a machine. After its death its promises never resolve. */
export class Process implements Actor {
  state: 'running' | 'stopped' | 'dead' = 'running'
  wasStopped = false
  /** Frozen by a control group: it does nothing, and the kernel does not show it as stopped. */
  isFrozen = false
  stoppedSince = Number.NEGATIVE_INFINITY
  /** Its start. */
  awakeSince: number
  readonly held: ScheduledEvent[] = []
  readonly identity: ProcessIdentity
  readonly bornAt: number
  /** The true boot of the process. */
  readonly boot: number
  readonly readableBootId: ReadableBootId
  diedAt = Number.POSITIVE_INFINITY
  /** Dead, but not yet waited for by its parent. */
  isZombie = false
  purpose: Purpose
  /** The last answer of the driver to it. */
  shown: Probe | undefined
  /** The pool after its last decision, written or not, and its wall clock at that time. */
  decided: { readonly pool: Pool; readonly wall: number } | undefined
  /** While it asks the driver: the driver's behaviour at the start of the call, which decides its duration. */
  asks: DriverKind | undefined
  role: 'client' | 'command' | 'supervisor' = 'client'
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
    born: {
      account: Account
      purpose: Purpose
      chance: Chance
      namespace: string
      bootId: ReadableBootId
    },
  ) {
    this.machine = machine
    this.account = born.account
    this.purpose = born.purpose
    this.chance = born.chance
    this.bornAt = machine.scheduler.now
    this.awakeSince = this.bornAt
    this.identity = {
      pid: machine.freePid(),
      startTime: Math.floor(machine.sinceBoot() / 10),
      bootId: bootIdAs(machine.bootId, born.bootId),
      pidNamespace: born.namespace,
    }
    this.boot = machine.boots
    this.readableBootId = born.bootId
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

  /** The clocks as it reads them. */
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

  /** Whole milliseconds: with fractions a wait may end before its time by the last digit, again and again. */
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
    this.awakeSince = this.machine.scheduler.now
    this.machine.scheduler.resume(this)
  }

  interrupt(): void {
    this.interrupted = true
    for (const hear of this.onInterrupt) this.machine.scheduler.after(0, this, hear)
  }

  die(): void {
    if (this.state === 'dead') return
    this.state = 'dead'
    this.diedAt = this.machine.scheduler.now
    this.held.length = 0
    for (const hear of this.onDeath.splice(0)) hear()
    this.machine.bury(this)
  }
}
