import type { PolicyChange } from '../../src/domain/policy/change.ts'
import type { UnitId } from '../../src/domain/pool/model.ts'
import { gpuUnit } from '../../src/domain/pool/units.ts'
import { Chance } from '../chance.ts'
import { Fleet } from '../fleet/fleet.ts'
import { fleetHandlers } from '../fleet/fleet-actions.ts'
import type { Action, FleetKind, Kind, Scenario } from '../scenario.ts'
import { RandomBookings, randomBookingRules } from './bookings.ts'
import { faultHandlers } from './faults.ts'
import { randomLimit } from './limits.ts'
import type { Machine } from './machine.ts'
import { extend, setLimits, setUp, view } from './programs.ts'
import type { ViewName } from './purpose.ts'
import { anyUser, RandomRequests } from './requests.ts'
import { ROOT, type System } from './system.ts'

type Handler = (machine: Machine, chance: Chance) => void

/** Performs the actions of a scenario. */
export class Actions {
  readonly #actions: Readonly<Record<Exclude<Kind, FleetKind>, Handler> & Partial<Record<FleetKind, Handler>>>
  readonly #system: System
  readonly bookings: RandomBookings
  /** Null: the machines share nothing. */
  readonly fleet: Fleet | null

  constructor(system: System, scenario: Scenario) {
    this.#system = system
    const requests = new RandomRequests(system, scenario)
    this.bookings = new RandomBookings(system, scenario, requests)
    this.fleet = scenario.hosts === undefined ? null : new Fleet(system, requests, scenario)
    const show =
      (name: ViewName): Handler =>
      (machine, chance) =>
        this.view(machine, name, anyUser(chance))
    this.#actions = {
      run: (machine, chance) => requests.start(machine, chance, 'run'),
      reserve: (machine, chance) => requests.start(machine, chance, 'reserve'),
      claim: (machine, chance) => requests.start(machine, chance, 'claim'),
      burst: (machine, chance) => {
        for (let left = chance.between(2, 8); left > 0; left--)
          requests.start(machine, chance, chance.is(0.7) ? 'run' : 'reserve')
      },
      release: (machine, chance) => system.release(machine, anyUser(chance)),
      releaseById: (machine, chance) => system.release(machine, anyUser(chance), someIds(machine, chance)),
      drain: (machine, chance) => {
        const units = someIds(machine, chance)
        if (units.length === 0) return
        system.service(machine, 'drain', units)
        // The final phase itself restores all units.
        system.scheduler.after(chance.spread(1_000, 300_000), null, () => {
          if (!system.isFinalPhase) system.service(machine, 'restore', units)
        })
      },
      extend: (machine, chance) => this.#extend(machine, chance),
      status: show('status'),
      queue: show('queue'),
      report: show('report'),
      bookingRules: (machine, chance) => {
        for (const each of system.machines) {
          if (each !== machine && chance.is(0.4)) continue
          this.setLimits(each, randomBookingRules(each, chance, scenario.length))
        }
      },
      book: (machine, chance) => this.bookings.book(machine, chance),
      cancel: (machine, chance) => this.bookings.cancel(machine, chance),
      limit: (machine, chance) => this.setLimits(machine, [randomLimit(chance, machine.devices.length)]),
      reset: (machine, chance) => this.setUp(machine, chance, true),
      ...faultHandlers(system),
      ...(this.fleet === null ? {} : fleetHandlers(this.fleet)),
    }
  }

  act(action: Action): void {
    const chance = new Chance(action.seed)
    const machine = chance.pick(this.#system.machines)
    this.#system.log(() => `-- ${action.kind} on ${machine.name}`)
    this.#actions[action.kind]?.(machine, chance)
  }

  setUp(machine: Machine, chance: Chance, force: boolean): void {
    const gpuCount = force ? chance.between(1, machine.devices.length) : machine.devices.length
    const isMru = chance.is(0.25)
    const launch = {
      account: ROOT,
      purpose: { kind: 'set-up', force } as const,
      chance: new Chance(chance.next()),
    }
    this.#system.launch(machine, launch, (process) => setUp(process, force, gpuCount, isMru))
  }

  view(machine: Machine, name: ViewName, account = ROOT): void {
    const launch = {
      account,
      purpose: { kind: 'view', name } as const,
      chance: new Chance(machine.chance.next()),
    }
    this.#system.launch(machine, launch, (process) => view(this.#system, process, name))
  }

  setLimits(machine: Machine, changes: readonly PolicyChange[]): void {
    const purpose = { kind: 'limit' } as const
    const launch = { account: ROOT, purpose, chance: new Chance(machine.chance.next()) }
    this.#system.launch(machine, launch, (process) => setLimits(process, changes))
  }

  #extend(machine: Machine, chance: Chance): void {
    const account = anyUser(chance)
    const by = chance.spread(1_000, 600_000)
    const purpose = {
      kind: 'extend',
      account,
      by,
      ...(chance.is(0.3) ? { units: someIds(machine, chance) } : {}),
    } as const
    this.#system.launch(machine, { account, purpose, chance: new Chance(chance.next()) }, (process) =>
      extend(process, purpose),
    )
  }
}

function someIds(machine: Machine, chance: Chance): readonly UnitId[] {
  return machine.devices.map((_, number) => gpuUnit(number)).filter(() => chance.is(0.4))
}
