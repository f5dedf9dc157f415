import type { BookingIntent } from '../../src/domain/operation/intent.ts'
import type { PolicyChange } from '../../src/domain/policy/change.ts'
import type { LimitKey, Scope } from '../../src/domain/pool/model.ts'
import { Chance } from '../chance.ts'
import type { Scenario } from '../scenario.ts'
import type { Machine } from './machine.ts'
import { book, cancel } from './programs.ts'
import { anyUser, type RandomRequests } from './requests.ts'
import { ROOT, type System } from './system.ts'

const POOL: Scope = { kind: 'pool' }
const DAVE: Scope = { kind: 'account', uid: 1003, name: 'dave' }

const change = (key: LimitKey, value: number | null, scope: Scope = POOL): PolicyChange => ({
  key,
  scope,
  value,
})

/** Switches bookings on, or changes one of their rules. */
export function randomBookingRules(
  machine: Machine,
  chance: Chance,
  length: number,
): readonly PolicyChange[] {
  const { limits = [] } = machine.stored.pool?.policy ?? {}
  const isOn = limits.some(
    ({ key, value, scope }) => key === 'bookings' && value === 1 && scope.kind === 'pool',
  )
  if (isOn && chance.is(0.15)) return [change('bookings', 0)]
  if (isOn && chance.is(0.1)) return [change('max-duration', null), change('default-duration', null)]
  if (chance.is(0.1))
    return [change('max-booked-ahead', chance.is(0.5) ? null : chance.spread(1_000, length))]
  if (isOn && chance.is(0.2)) return [change('bookings', chance.pick([0, 1, null]), DAVE)]
  return [
    change('max-duration', chance.is(0.8) ? 30 * length : chance.spread(10_000, length)),
    change('default-duration', chance.spread(2_000, 2 * length)),
    change('bookings', 1),
  ]
}

/** Books GPUs, and cancels bookings. */
export class RandomBookings {
  readonly #system: System
  readonly #scenario: Scenario
  readonly #requests: RandomRequests
  #booked = 0

  constructor(system: System, scenario: Scenario, requests: RandomRequests) {
    this.#system = system
    this.#scenario = scenario
    this.#requests = requests
  }

  book(machine: Machine, chance: Chance): void {
    const account = anyUser(chance)
    const { length, longest } = this.#scenario
    const from =
      machine.moment().wall + chance.spread(20, Math.max(1_000, length / 3)) - (chance.is(0.03) ? 1_000 : 0)
    const intent: BookingIntent = {
      id: `k${++this.#booked}`,
      request: this.#requests.anyRequest(machine, chance),
      owner: { account, shownName: account.name },
      term: {
        kind: 'booking',
        from,
        duration: chance.spread(500, chance.is(0.2) ? length : Math.max(2_000, longest)),
      },
    }
    const purpose = { kind: 'book', intent } as const
    this.#system.log(() => `${account.name} books ${JSON.stringify(intent)}`)
    this.#system.launch(machine, { account, purpose, chance: new Chance(chance.next()) }, (process) =>
      book(process, purpose),
    )
    const details = new Chance(chance.next())
    this.#system.scheduler.after(Math.max(0, from - machine.moment().wall), null, () =>
      this.#meet(machine, intent, details),
    )
  }

  /** At the begin of a booking its GPUs may be in use or lost, and others may ask for them. */
  #meet(machine: Machine, { id, owner }: BookingIntent, chance: Chance): void {
    if (this.#system.isFinalPhase) return
    const { scheduler } = this.#system
    const { bookings = [], units = [] } = machine.stored.pool ?? {}
    const planned = bookings.find((booking) => booking.id === id)?.holdings ?? []
    for (const { unit } of planned) {
      const uuid = units.find((each) => each.id === unit)?.device.uuid
      const device = machine.devices.find((each) => each.uuid === uuid)
      if (device === undefined || chance.is(0.5)) continue
      if (chance.is(0.2)) {
        device.state = 'faulty'
        scheduler.after(chance.spread(500, 60_000), null, () => {
          device.state = 'sound'
        })
        continue
      }
      const uid = chance.is(0.3) ? owner.account.uid : 1000 + chance.below(4)
      const use = { pid: 99_000 + chance.below(1000), uid, memoryMb: 20_000 }
      device.uses.add(use)
      scheduler.after(chance.spread(500, 60_000), null, () => device.uses.delete(use))
    }
    for (let left = chance.below(6); left > 0; left--) {
      scheduler.after(chance.spread(1, 30_000), null, () => {
        if (!this.#system.isFinalPhase)
          this.#requests.start(machine, chance, chance.is(0.5) ? 'run' : 'reserve')
      })
    }
  }

  /** Cancels a booking, or what it has become. Sometimes another account tries. */
  cancel(machine: Machine, chance: Chance): void {
    const truth = this.#system.checker.truthOf(machine)
    const known = [...truth.booked].map(([id, { intent }]) => ({ id, account: intent.owner.account }))
    const begun = [...truth.held.values()].map(({ id, intent }) => ({ id, account: intent.owner.account }))
    const all = chance.is(0.8) || begun.length === 0 ? known : begun
    if (all.length === 0) return
    const { id, account: owner } = chance.pick(all)
    const account = chance.is(0.8) ? owner : chance.is(0.5) ? ROOT : anyUser(chance)
    const purpose = { kind: 'cancel', account, id } as const
    this.#system.launch(machine, { account, purpose, chance: new Chance(chance.next()) }, (process) =>
      cancel(process, purpose),
    )
  }

  /** Root cancels all bookings that have not begun. */
  cancelAll(machine: Machine): void {
    for (const id of this.#system.checker.truthOf(machine).booked.keys()) {
      const purpose = { kind: 'cancel', account: ROOT, id } as const
      const launch = { account: ROOT, purpose, chance: new Chance(machine.chance.next()) }
      this.#system.launch(machine, launch, (process) => cancel(process, purpose))
    }
  }
}
