import { CanhazgpuError } from '../../src/domain/errors.ts'
import type { Grant } from '../../src/domain/operation/intent.ts'
import type { Account, UnitId } from '../../src/domain/pool/model.ts'
import { Chance } from '../chance.ts'
import { Checker } from '../check/checker.ts'
import { Violation } from '../check/violation.ts'
import type { Scenario } from '../scenario.ts'
import { Scheduler } from '../scheduler.ts'
import type { Trace } from '../trace.ts'
import { type Device, MODELS } from './device.ts'
import type { ReadableBootId } from './kernel.ts'
import { Machine } from './machine.ts'
import { Process } from './process.ts'
import { drainOrRestore, release, superviseRun, type Task } from './programs.ts'
import type { Purpose } from './purpose.ts'
import { StoredPool } from './stored-pool.ts'
import type { Plan } from './work.ts'

export const ROOT: Account = { uid: 0, name: 'root' }
export const HOME = 'pidns-host'

export interface Launch {
  readonly account: Account
  readonly purpose: Purpose
  readonly chance: Chance
  readonly namespace?: string
  readonly bootId?: ReadableBootId
}

/** The simulated machines and the checker. */
export class System {
  readonly scheduler: Scheduler
  readonly trace: Trace
  readonly checker: Checker
  readonly machines: readonly Machine[]
  /** In the final phase there are no faults, and every holder releases its GPUs soon. */
  isFinalPhase = false
  violation: Violation | undefined

  /** Null: every process can read the true boot id. */
  readonly #bootIdChance: Chance | null

  constructor({ seed, isMixed, hosts }: Pick<Scenario, 'seed' | 'isMixed' | 'hosts'>, trace: Trace) {
    const modelChance = new Chance(seed ^ 0x717e)
    const model = () => MODELS[isMixed === true && modelChance.is(0.5) ? 1 : 0]
    const bootIdChance = new Chance(seed ^ 0xb007)
    this.#bootIdChance = bootIdChance.is(0.15) ? bootIdChance : null
    const chance = new Chance(seed)
    this.trace = trace
    this.scheduler = new Scheduler(chance, trace)
    this.checker = new Checker((violation) => {
      this.violation ??= violation
    })
    const machines = chance.between(1, 3)
    this.machines = Array.from({ length: hosts ?? machines }, (_, at) => {
      const own = new Chance(chance.next())
      const stored = new StoredPool({ chance: own, auditor: this.checker })
      const models = Array.from({ length: own.between(1, 8) }, model)
      const parts = { scheduler: this.scheduler, trace, chance: own, models, stored }
      return new Machine(`host${at}`, parts)
    })
  }

  /** Whether some processes cannot read the true boot id. */
  get hidesBootIds(): boolean {
    return this.#bootIdChance !== null
  }

  log(text: () => string): void {
    this.trace.add(this.scheduler.now, text)
  }

  /** Starts a process. The process ends with its program, unless it became a command. */
  launch(machine: Machine, launch: Launch, program: (process: Process) => Promise<void>): Process | null {
    if (!machine.isUp) return null
    const process = new Process(machine, { namespace: HOME, bootId: this.#readableBootId(), ...launch })
    machine.processes.set(process.pid, process)
    this.scheduler.after(0, process, () => void this.#runProgram(process, program))
    return process
  }

  /** Some services hide the boot id from their processes. Some containers have their own boot id. */
  #readableBootId(): ReadableBootId {
    const chance = this.#bootIdChance
    if (chance === null || chance.is(0.6)) return 'true'
    return chance.is(0.5) ? 'own' : 'none'
  }

  async #runProgram(process: Process, program: (process: Process) => Promise<void>): Promise<void> {
    try {
      await program(process)
      process.isFinished = true
      this.checker.finished(process, null)
      this.log(() => `${process.name} ${process.role === 'command' ? 'became its command' : 'ends'}`)
    } catch (error) {
      if (error instanceof Violation) this.violation ??= error
      else if (error instanceof CanhazgpuError) {
        this.checker.finished(process, error)
        this.log(() => `${process.name} fails: ${error.code} ${error.message}`)
      } else
        this.violation ??= new Violation(
          'crash',
          String(error instanceof Error ? (error.stack ?? error.message) : error),
        )
    }
    if (process.role !== 'command') process.die()
  }

  granted(process: Process, grant: Grant): void {
    this.checker.granted(process, grant)
    if (this.isFinalPhase && grant.reservation.term.kind === 'manual')
      this.releaseSoon(process.machine, process.account)
  }

  /** Starts the supervisor of a run, a separate process that takes a moment to start. */
  startSupervisor(command: Process, task: Task): void {
    const { machine } = command
    const chance = new Chance(command.chance.next())
    const { reservation } = task
    const purpose = { kind: 'supervise', reservation } as const
    const namespace = command.identity.pidNamespace
    const launch = {
      account: command.account,
      purpose,
      chance,
      namespace,
      bootId: command.readableBootId,
    }
    const supervisor = this.launch(machine, launch, async (process) => {
      process.role = 'supervisor'
      await process.sleep(chance.is(0.8) ? chance.between(1, 60) : chance.spread(60, 20_000))
      await superviseRun(process, task, command)
    })
    if (supervisor !== null) this.checker.supervised(reservation, supervisor)
  }

  /** The GPUs that were granted to a reservation. */
  devicesOf(machine: Machine, reservation: string): readonly Device[] {
    const uuids = this.checker.uuidsOf(reservation)
    return machine.devices.filter((device) => uuids.includes(device.uuid))
  }

  shortened(plan: Plan): Plan {
    return this.isFinalPhase
      ? { ...plan, lifetime: Math.min(plan.lifetime, 3_000), childrenOutlive: 0 }
      : plan
  }

  releaseSoon(machine: Machine, account: Account): void {
    this.scheduler.after(3_000, null, () => this.release(machine, account))
  }

  /** Root drains these units, or restores them. */
  service(machine: Machine, kind: 'drain' | 'restore', units: readonly UnitId[]): void {
    const purpose = { kind, units } as const
    const launch = { account: ROOT, purpose, chance: new Chance(machine.chance.next()) }
    this.launch(machine, launch, (process) => drainOrRestore(process, purpose))
  }

  release(machine: Machine, account: Account, units?: readonly UnitId[]): void {
    const purpose = { kind: 'release', account, ...(units === undefined ? {} : { units }) } as const
    const launch = { account, purpose, chance: new Chance(machine.chance.next()) }
    this.launch(machine, launch, (process) => release(process, units))
  }
}
