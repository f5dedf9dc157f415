import type { Device, Use } from './device.ts'
import type { Process } from './process.ts'

/** The behavior of a command, decided before its start. */
export interface Plan {
  readonly lifetime: number
  /** The time from SIGINT to its end, or `never`. */
  readonly endsOnInterrupt: number | 'never'
  /** How long its children outlive it. */
  readonly childrenOutlive: number
  readonly memoryMb: number
}

/** A running command: the process of `run` after its exec, and its children. */
export class Work {
  readonly #process: Process
  readonly #plan: Plan
  readonly #devices: readonly Device[]
  readonly #uses: Use[] = []
  #children: boolean

  constructor(process: Process, plan: Plan, devices: readonly Device[]) {
    this.#process = process
    this.#plan = plan
    this.#devices = devices
    this.#children = plan.childrenOutlive > 0
    const { scheduler } = process.machine
    scheduler.after(plan.lifetime, process, () => process.die())
    scheduler.after(process.chance.spread(10, 3000), process, () => this.#use())
    process.onDeath.push(() => this.#onDeath())
  }

  get isOver(): boolean {
    return !this.#process.isAlive && !this.#children
  }

  get devices(): readonly Device[] {
    return this.#devices
  }

  interrupt(): void {
    const { endsOnInterrupt } = this.#plan
    if (endsOnInterrupt === 'never') return
    this.#process.machine.scheduler.after(endsOnInterrupt, null, () => this.kill())
  }

  kill(): void {
    this.#process.die()
    this.#endChildren()
  }

  #use(): void {
    for (const device of this.#devices) {
      const use = { pid: this.#process.pid, uid: this.#process.account.uid, memoryMb: this.#plan.memoryMb }
      this.#uses.push(use)
      device.uses.add(use)
    }
  }

  #onDeath(): void {
    const { scheduler, isUp } = this.#process.machine
    if (!isUp) this.#children = false
    if (this.#children) scheduler.after(this.#plan.childrenOutlive, null, () => this.#endChildren())
    else this.#endChildren()
  }

  /** The driver frees memory a moment later. */
  #endChildren(): void {
    this.#children = false
    const free = () => {
      for (const device of this.#devices) for (const use of this.#uses) device.uses.delete(use)
    }
    this.#process.machine.scheduler.after(this.#process.chance.spread(1, 1500), null, free)
  }
}
