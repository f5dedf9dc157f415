import type { UnitId } from '../../src/domain/pool/model.ts'
import { gpuUnit } from '../../src/domain/pool/units.ts'
import { Chance } from '../chance.ts'
import type { Action, Kind, Scenario } from '../scenario.ts'
import * as faults from './faults.ts'
import type { Machine } from './machine.ts'
import { anyUser, People } from './people.ts'
import { extend, look, setUp } from './programs.ts'
import { ROOT, type World } from './world.ts'

type Handler = (machine: Machine, chance: Chance) => void

/** Performs the actions of a scenario in a world. */
export class Actions {
  readonly #actions: Readonly<Record<Kind, Handler>>
  readonly #world: World

  constructor(world: World, scenario: Scenario) {
    this.#world = world
    const people = new People(world, scenario)
    const seen =
      (at: 'status' | 'queue' | 'report'): Handler =>
      (machine, chance) =>
        this.look(machine, at, anyUser(chance))
    this.#actions = {
      run: (machine, chance) => people.ask(machine, chance, 'run'),
      reserve: (machine, chance) => people.ask(machine, chance, 'reserve'),
      claim: (machine, chance) => people.ask(machine, chance, 'claim'),
      burst: (machine, chance) => {
        for (let left = chance.between(2, 8); left > 0; left--)
          people.ask(machine, chance, chance.is(0.7) ? 'run' : 'reserve')
      },
      release: (machine, chance) => world.release(machine, anyUser(chance)),
      releaseById: (machine, chance) => world.release(machine, anyUser(chance), someIds(machine, chance)),
      extend: (machine, chance) => this.#extend(machine, chance),
      status: seen('status'),
      queue: seen('queue'),
      report: seen('report'),
      reset: (machine, chance) => this.setUp(machine, chance, true),
      ...faults.all(world),
    }
  }

  act(action: Action): void {
    const chance = new Chance(action.seed)
    const machine = chance.pick(this.#world.machines)
    this.#world.say(() => `-- ${action.kind} on ${machine.name}`)
    this.#actions[action.kind](machine, chance)
  }

  setUp(machine: Machine, chance: Chance, force: boolean): void {
    const gpuCount = force ? chance.between(1, machine.devices.length) : machine.devices.length
    const isMru = chance.is(0.25)
    const launch = {
      account: ROOT,
      purpose: { kind: 'set-up', force } as const,
      chance: new Chance(chance.next()),
    }
    this.#world.launch(machine, launch, (process) => setUp(process, force, gpuCount, isMru))
  }

  look(machine: Machine, at: 'status' | 'queue' | 'report', account = ROOT): void {
    const launch = {
      account,
      purpose: { kind: 'look', at } as const,
      chance: new Chance(machine.chance.next()),
    }
    this.#world.launch(machine, launch, (process) => look(this.#world, process, at))
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
    this.#world.launch(machine, { account, purpose, chance: new Chance(chance.next()) }, (process) =>
      extend(process, purpose),
    )
  }
}

function someIds(machine: Machine, chance: Chance): readonly UnitId[] {
  return machine.devices.map((_, number) => gpuUnit(number)).filter(() => chance.is(0.4))
}
