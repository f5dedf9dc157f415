import type { Intent } from '../../src/domain/operation/intent.ts'
import type { Account, Request } from '../../src/domain/pool/model.ts'
import { gpuUnit } from '../../src/domain/pool/units.ts'
import { Chance } from '../chance.ts'
import type { Scenario } from '../scenario.ts'
import type { Machine } from './machine.ts'
import type { Process } from './process.ts'
import { acquire, type Behavior } from './programs.ts'
import { HOME, ROOT, type System } from './system.ts'
import type { Plan } from './work.ts'

const USERS: readonly Account[] = ['alice', 'bob', 'carol', 'dave'].map((name, at) => ({
  uid: 1000 + at,
  name,
}))

export const anyUser = (chance: Chance): Account => (chance.is(0.04) ? ROOT : chance.pick(USERS))

export type RequestKind = 'run' | 'reserve' | 'claim'

/** A command that requests GPUs, before it is started. */
export interface Prepared {
  readonly account: Account
  readonly claim: 'no' | 'exact' | 'all'
  readonly waits: boolean
  readonly namespace: string
  readonly id: string
  readonly behavior: Behavior
  readonly intentFor: (self: Process, id: string) => Intent
  readonly launchChance: Chance
}

/** Starts random commands that request GPUs. */
export class RandomRequests {
  readonly #system: System
  readonly #scenario: Scenario
  #started = 0

  constructor(system: System, scenario: Scenario) {
    this.#system = system
    this.#scenario = scenario
  }

  start(machine: Machine, chance: Chance, kind: RequestKind): void {
    const { account, claim, waits, id, behavior, intentFor, namespace, launchChance } = this.prepared(
      machine,
      chance,
      kind,
    )
    const placeholder = { kind: 'view', name: 'queue' } as const
    const process = this.#system.launch(
      machine,
      { account, purpose: placeholder, chance: launchChance, namespace },
      async (self) => {
        if (self.purpose.kind !== 'acquire') throw new Error('the purpose of this process is not set')
        await acquire(this.#system, self, self.purpose, behavior)
      },
    )
    if (process === null) return
    process.purpose = { kind: 'acquire', intent: intentFor(process, id), claim, waits }
    const { name, purpose } = process
    this.#system.log(
      () => `${name} ${account.name}: ${kind}${waits ? ' --wait' : ''} ${JSON.stringify(purpose.intent)}`,
    )
  }

  /** A random request for GPUs of this machine. */
  prepared(machine: Machine, chance: Chance, kind: RequestKind): Prepared {
    const account = anyUser(chance)
    const claim = kind !== 'claim' ? 'no' : chance.is(0.5) ? 'all' : 'exact'
    const waits = claim === 'no' && chance.is(0.6)
    const namespace = this.#scenario.hasContainers && chance.is(0.3) ? 'pidns-container' : HOME
    const id = `r${++this.#started}`
    const request = this.anyRequest(machine, chance)
    const duration = this.#duration(chance)
    const owner = { account, shownName: chance.is(0.1) ? 'shared' : account.name }
    const behavior: Behavior = {
      ...(chance.is(0.3) ? { waitFor: chance.spread(500, 120_000) } : {}),
      plan: this.#plan(chance, duration),
      cannotExecute: chance.is(0.02),
    }
    const timeout = { after: this.#duration(chance), grace: chance.spread(100, 30_000) }
    const untilBooked = this.#isUntilBooked() ? { untilBooked: { grace: timeout.grace } } : {}
    const launchChance = new Chance(chance.next())
    let hasTimeout: boolean | undefined
    const isLimited = () => {
      hasTimeout ??= chance.is(0.5)
      return hasTimeout
    }
    const intentFor = (self: Process, as: string): Intent => ({
      id: as,
      request,
      owner,
      term:
        kind === 'run'
          ? {
              kind: 'run',
              process: self.identity,
              command: 'train',
              ...(isLimited() ? { timeout } : {}),
              ...untilBooked,
            }
          : { kind: 'manual', duration },
    })
    return { account, claim, waits, namespace, id, behavior, intentFor, launchChance }
  }

  anyRequest(machine: Machine, chance: Chance): Request {
    return this.#withRequirements(this.#request(machine, chance))
  }

  #request(machine: Machine, chance: Chance): Request {
    const most = machine.devices.length
    if (chance.is(0.03)) {
      return chance.is(0.5)
        ? { kind: 'count', count: most + 1 }
        : { kind: 'ids', ids: [gpuUnit(most + chance.below(3))] }
    }
    if (chance.is(0.25)) {
      const ids = machine.devices.map((_, number) => gpuUnit(number)).filter(() => chance.is(0.35))
      if (ids.length > 0) return { kind: 'ids', ids }
    }
    return {
      kind: 'count',
      count: chance.is(0.6) ? chance.between(1, Math.min(2, most)) : chance.between(1, most),
    }
  }

  /** Decided apart, so that the request of the same seed without bookings stays the same. */
  #isUntilBooked(): boolean {
    const chance = new Chance(this.#scenario.seed ^ (this.#started * 0x51ab))
    return this.#scenario.hasBookings === true && chance.is(0.2)
  }

  /** The request of the same seed without mixed machines stays the same, so the details come from another chance. */
  #withRequirements(request: Request): Request {
    if (this.#scenario.isMixed !== true || request.kind === 'ids') return request
    const chance = new Chance(this.#scenario.seed ^ (this.#started * 0x9e3779))
    if (chance.is(0.4)) return request
    const { kind, count } = request
    const typed = { kind, count: chance.is(0.7) ? 1 : count }
    if (chance.is(0.3)) return { ...typed, leastMemoryMb: chance.pick([40_000, 60_000]) }
    return { ...typed, gpuTypes: chance.pick([['h100'], ['a100'], ['h100', 'a100']]) }
  }

  #duration(chance: Chance): number {
    return chance.spread(1_000, Math.max(2_000, this.#scenario.longest))
  }

  #plan(chance: Chance, duration: number): Plan {
    return {
      lifetime: chance.is(0.1) ? 10 * this.#scenario.length : chance.is(0.1) ? chance.below(20) : duration,
      endsOnInterrupt: chance.is(0.2) ? 'never' : chance.spread(1, 5_000),
      childrenOutlive: chance.is(0.15) ? chance.spread(100, 20_000) : 0,
      memoryMb: chance.is(0.1) ? 100 : 20_000,
    }
  }
}
