import type { Account, Liveness, Moment, Pool, Probe, ProcessIdentity } from '../../src/domain/pool/model.ts'
import type { Chance } from '../chance.ts'
import type { Actor, Happening } from '../scheduler.ts'
import type { Mood } from './driver.ts'
import type { Errand } from './errand.ts'
import { bootIdAs, isSeenStopped, kernelAnswer, type ReadableBootId } from './kernel.ts'
import type { Machine } from './machine.ts'
import type { Work } from './work.ts'

/** One process of a machine. What it awaits never comes once it is dead. */
export class Process implements Actor {
  state: 'running' | 'stopped' | 'dead' = 'running'
  wasStopped = false
  /** Does nothing, and the kernel does not show it as stopped: by the freezer of a control group. */
  isFrozen = false
  stoppedSince = Number.NEGATIVE_INFINITY
  /** Since when it runs. */
  awakeSince: number
  readonly held: Happening[] = []
  readonly identity: ProcessIdentity
  readonly bornAt: number
  /** The boot in which it truly runs. */
  readonly boot: number
  readonly readableBootId: ReadableBootId
  diedAt = Number.POSITIVE_INFINITY
  /** Dead, but not yet waited for by its parent. */
  isZombie = false
  errand: Errand
  /** What the driver showed it last. */
  shown: Probe | undefined
  /** What its last decision left, whether or not anything was written, and its wall clock then. */
  decided: { readonly pool: Pool; readonly wall: number } | undefined
  /** While it asks the driver: how the driver behaved when it was asked, which decides when it answers. */
  asks: Mood | undefined
  role: 'client' | 'command' | 'supervisor' = 'client'
  /** What it does since it became a command. */
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
      errand: Errand
      chance: Chance
      namespace: string
      bootId: ReadableBootId
    },
  ) {
    this.machine = machine
    this.account = born.account
    this.errand = born.errand
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

  /** How the kernel answers this process about another. */
  readonly alive = (identity: ProcessIdentity): Liveness =>
    kernelAnswer(this, { identity, found: this.machine.processes.get(identity.pid) })

  /** The clocks as it reads them. */
  readonly moment = (): Moment => {
    const { wall, steady } = this.machine.moment()
    return { wall, steady: { epoch: this.identity.bootId, ms: steady.ms } }
  }

  readonly stopped = (identity: ProcessIdentity): boolean =>
    isSeenStopped(this.machine, identity, this.identity.pidNamespace)

  /** Waits in the kernel, then goes on with what `produce` finds then. */
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
