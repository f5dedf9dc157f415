import type { Asked, Forecast, HostForecast } from '../../../src/domain/fleet/forecast.ts'
import type { Intent } from '../../../src/domain/operation/intent.ts'
import type { Moment, Pool } from '../../../src/domain/pool/model.ts'
import { unitsOf } from '../../../src/domain/pool/units.ts'
import { isOverLimit } from '../../check/limits.ts'
import { isBlocked } from '../../check/order.ts'
import { sizeOf, wants } from '../../check/requests.ts'
import { isShownFree } from '../../check/shown.ts'
import { Violation } from '../../check/violation.ts'
import type { Machine } from '../../system/machine.ts'
import type { Process } from '../../system/process.ts'
import type { System } from '../../system/system.ts'

interface Forecasted {
  readonly pool: Pool
  readonly intent: Intent
  readonly moment: Moment
  readonly forecast: Forecast
}

/** A waiter that could start for so long may be unresponsive; then others may start before it. */
const RESPONSIVE = 1_000

/** The rules of `--host any`: a forecast passes over nobody, and the host with the earliest one is chosen. */
export class ChoiceCheck {
  readonly #system: System
  readonly #answers = new Map<Process, Map<Machine, HostForecast>>()

  constructor(system: System) {
    this.#system = system
  }

  /** What a host says: `now` only if enough GPUs are idle, besides those of a waiter that could start. */
  forecast(there: Process, { pool, intent, moment, forecast }: Forecasted): void {
    if (forecast.kind !== 'now') return
    const taken = new Set(pool.reservations.flatMap(unitsOf))
    const free = pool.units.filter(({ id }) => !taken.has(id) && isShownFree(pool, id, there.lastProbe))
    const suited = free.filter((unit) => wants(intent.request, unit))
    const size = sizeOf(intent.request)
    if (suited.length < size) {
      this.#fail(`${there.name} says that ${intent.id} starts now on ${suited.length} idle GPUs of ${size}`)
      return
    }
    const first = pool.queue[0]
    if (first === undefined || this.#mayBePassed(there, pool, moment)) return
    const wanted = free.filter((unit) => wants(first.request, unit)).length
    if (wanted < sizeOf(first.request) || free.length - size >= sizeOf(first.request)) return
    if (suited.some((unit) => !wants(first.request, unit))) return
    this.#fail(`${there.name} says that ${intent.id} starts now, before ${first.id}, which could start`)
  }

  #mayBePassed(there: Process, pool: Pool, { wall }: Moment): boolean {
    const [first] = pool.queue
    if (first === undefined || (pool.bookings ?? []).length > 0) return true
    const waiter = this.#system.checker.truthOf(there.machine).waiting.get(first.id)
    if (waiter?.process.state !== 'running' || isOverLimit(pool, first)) return true
    if (isBlocked({ after: pool, probe: there.lastProbe, wall }, first)) return true
    return first.startableSince !== undefined && Math.abs(wall - first.startableSince) > RESPONSIVE
  }

  /** A caller asks hosts, perhaps again. */
  asks(caller: Process): void {
    this.#answers.set(caller, new Map())
  }

  asked(caller: Process, { host, forecast }: Asked<Machine>): void {
    this.#answers.get(caller)?.set(host, forecast)
  }

  starts(caller: Process, host: Machine): void {
    const answer = this.#answers.get(caller)?.get(host)
    if (answer?.kind !== 'now')
      this.#fail(`${caller.name} starts on ${host.name}, which said ${answer?.kind}`)
  }

  joins(caller: Process, host: Machine): void {
    const answers = this.#answers.get(caller) ?? new Map<Machine, HostForecast>()
    const chosen = startOf(answers.get(host))
    for (const [other, answer] of answers) {
      if (startOf(answer) >= chosen) continue
      this.#fail(`${caller.name} waits on ${host.name}, and could start earlier on ${other.name}`)
    }
  }

  #fail(text: string): void {
    this.#system.violation ??= new Violation('remote', text)
  }
}

function startOf(answer: HostForecast | undefined): number {
  if (answer?.kind === 'now') return 0
  if (answer?.kind !== 'later') return Number.POSITIVE_INFINITY
  return answer.after ?? 1e300
}
