import type { UnitId } from '../../src/domain/pool/model.ts'
import { gpuUnit } from '../../src/domain/pool/units.ts'
import { Chance } from '../chance.ts'
import type { Action, Kind, Script } from '../script.ts'
import type { Machine } from './machine.ts'
import * as mishaps from './mishaps.ts'
import { anyUser, People } from './people.ts'
import { extend, look, setUp } from './programs.ts'
import { ROOT, type World } from './world.ts'

type Deed = (machine: Machine, chance: Chance) => void

/** Lets the actions of a script come to pass in a world. */
export class Deeds {
  readonly #deeds: Readonly<Record<Kind, Deed>>
  readonly #world: World

  constructor(world: World, script: Script) {
    this.#world = world
    const people = new People(world, script)
    const seen =
      (at: 'status' | 'queue' | 'report'): Deed =>
      (machine, chance) =>
        this.look(machine, at, anyUser(chance))
    this.#deeds = {
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
      ...mishaps.all(world),
    }
  }

  act(action: Action): void {
    const chance = new Chance(action.seed)
    const machine = chance.pick(this.#world.machines)
    this.#world.say(() => `-- ${action.kind} on ${machine.name}`)
    this.#deeds[action.kind](machine, chance)
  }

  setUp(machine: Machine, chance: Chance, force: boolean): void {
    const gpuCount = force ? chance.between(1, machine.devices.length) : machine.devices.length
    const isMru = chance.is(0.25)
    const launch = {
      account: ROOT,
      errand: { kind: 'set-up', force } as const,
      chance: new Chance(chance.next()),
    }
    this.#world.launch(machine, launch, (process) => setUp(process, force, gpuCount, isMru))
  }

  look(machine: Machine, at: 'status' | 'queue' | 'report', account = ROOT): void {
    const launch = {
      account,
      errand: { kind: 'look', at } as const,
      chance: new Chance(machine.chance.next()),
    }
    this.#world.launch(machine, launch, (process) => look(this.#world, process, at))
  }

  #extend(machine: Machine, chance: Chance): void {
    const account = anyUser(chance)
    const by = chance.spread(1_000, 600_000)
    const errand = {
      kind: 'extend',
      account,
      by,
      ...(chance.is(0.3) ? { units: someIds(machine, chance) } : {}),
    } as const
    this.#world.launch(machine, { account, errand, chance: new Chance(chance.next()) }, (process) =>
      extend(process, errand),
    )
  }
}

function someIds(machine: Machine, chance: Chance): readonly UnitId[] {
  return machine.devices.map((_, number) => gpuUnit(number)).filter(() => chance.is(0.4))
}
