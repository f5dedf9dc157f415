import { Gauge, Histogram, Registry } from 'prom-client'
import { type GpuStatus, otherUseOf } from '../domain/observation/status.ts'
import type { RuleKey } from '../domain/policy/rules.ts'
import type { AccountDocument } from '../views/schemas/accounts.ts'
import type { ScheduleDocument } from '../views/schemas/schedule.ts'
import { STATES } from '../views/words/status/states.ts'
import type { Snapshot } from './live/snapshot.ts'

const MIB = 1024 * 1024
const WAIT_BUCKETS_S = [1, 10, 60, 300, 900, 3_600, 4 * 3_600, 12 * 3_600, 24 * 3_600, 3 * 24 * 3_600]

/** The most accounts with metrics of their own; those with most GPUs and requests first. */
const MOST_ACCOUNTS = 200
/** All accounts in user namespaces of their own. */
const USER_NAMESPACES = '(user namespaces)'

/** `/metrics`, in the text format of Prometheus. */
export class Metrics {
  readonly #registry = new Registry()
  readonly contentType = this.#registry.contentType
  readonly #info = this.#gauge('gpu_info', 'UUID and model of each GPU; always 1', ['gpu', 'uuid', 'model'])
  readonly #state = this.#gauge('gpu_state', '1 for the state of the GPU, 0 for the other states', [
    'gpu',
    'state',
  ])
  readonly #holder = this.#gauge('gpu_holder', 'The holder of the GPU; always 1', [
    'gpu',
    'user',
    'account',
    'type',
  ])
  readonly #otherUsers = this.#gauge(
    'gpu_other_user',
    'Users with processes on a GPU that another user has reserved; always 1',
    ['gpu', 'user'],
  )
  readonly #drained = this.#gauge(
    'gpu_drained',
    '1 for a GPU that an administrator drained, also while it has a holder; else 0',
    ['gpu'],
  )
  readonly #drainedAt = this.#gauge(
    'gpu_drained_timestamp_seconds',
    'When the GPU was drained; absent for a GPU that is not drained',
    ['gpu'],
  )
  readonly #booked = this.#gauge(
    'gpu_booked_timestamp_seconds',
    'When the next booking of the GPU begins; absent without one',
    ['gpu'],
  )
  readonly #memoryUsed = this.#gauge('gpu_memory_used_bytes', 'Memory in use', ['gpu'])
  readonly #memoryTotal = this.#gauge('gpu_memory_total_bytes', 'Memory of the GPU', ['gpu'])
  readonly #utilization = this.#gauge('gpu_utilization_ratio', 'Utilisation, from 0 to 1', ['gpu'])
  readonly #temperature = this.#gauge('gpu_temperature_celsius', 'Temperature', ['gpu'])
  readonly #power = this.#gauge('gpu_power_watts', 'Power drawn', ['gpu'])
  readonly #userGpus = this.#gauge('user_gpus', 'GPUs reserved now', ['user'])
  readonly #userHeld = this.#gauge('user_held_seconds', 'GPU seconds of the current reservations', ['user'])
  readonly #userWaiting = this.#gauge('user_waiting', 'Requests waiting in the queue', ['user'])
  readonly #accountGpus = this.#gauge('account_gpus', 'GPUs that the account holds now', ['account'])
  readonly #accountWaiting = this.#gauge('account_waiting', 'Requests of the account in the queue', [
    'account',
  ])
  readonly #accountBookings = this.#gauge('account_bookings', 'Bookings of the account that have not begun', [
    'account',
  ])
  readonly #accountLimits: Readonly<Partial<Record<RuleKey, Gauge>>> = {
    'max-gpus': this.#limitGauge('gpus_limit', 'The most GPUs that the account may have'),
    'max-waiting': this.#limitGauge('waiting_limit', 'The most requests of the account that may wait'),
    'max-duration': this.#limitGauge('duration_limit_seconds', 'The longest time of a reservation'),
  }
  readonly #queueLength = this.#gauge('queue_length', 'Requests waiting in the queue', [])
  readonly #stale = this.#gauge(
    'driver_stale',
    '1 while the readings are old because the driver does not answer',
    [],
  )
  readonly #waits = new Histogram({
    name: 'canhazgpu_queue_wait_seconds',
    help: 'How long requests had waited when they left the queue, as seen by this server',
    buckets: WAIT_BUCKETS_S,
    registers: [this.#registry],
  })
  #waiting = new Map<string, number>()

  /** Each metric has the label `host`, so that several machines can be told apart behind one address. */
  constructor(host: string) {
    this.#registry.setDefaultLabels({ host })
  }

  /** Records the waiting time of each request that has left the queue since the last snapshot. */
  observe({ queue }: Snapshot): void {
    const waiting = new Map(
      queue.places.map(({ entry }) => [entry.id, Math.max(0, queue.now - entry.joinedAt) / 1000]),
    )
    for (const [id, seconds] of this.#waiting) if (!waiting.has(id)) this.#waits.observe(seconds)
    this.#waiting = waiting
  }

  async text(snapshot: Snapshot, accounts: readonly AccountDocument[]): Promise<string> {
    this.#setGpus(snapshot)
    this.#setBookings(snapshot.document.schedule)
    this.#setUsers(snapshot)
    this.#setAccounts(accounts)
    this.#stale.set(snapshot.document.stale === undefined ? 0 : 1)
    return this.#registry.metrics()
  }

  #setGpus({ gpus }: Snapshot): void {
    const described = [this.#info, this.#state, this.#holder, this.#otherUsers]
    for (const gauge of [...described, this.#drained, this.#drainedAt]) gauge.reset()
    for (const gauge of this.#measured()) gauge.reset()
    for (const status of gpus) {
      const { id: gpu, device, drain } = status.unit
      this.#info.set({ gpu, uuid: device.uuid, model: device.name }, 1)
      for (const [kind, { name: state }] of Object.entries(STATES)) {
        this.#state.set({ gpu, state }, kind === status.kind ? 1 : 0)
      }
      this.#drained.set({ gpu }, drain === undefined ? 0 : 1)
      if (drain !== undefined) this.#drainedAt.set({ gpu }, drain.since / 1000)
      if (status.kind === 'reserved') {
        const { owner, term } = status.reservation
        const { shownName: user, account } = owner
        this.#holder.set({ gpu, user, account: account.name, type: term.kind }, 1)
      }
      for (const user of otherUseOf(status).users) this.#otherUsers.set({ gpu, user }, 1)
      this.#setReadings(gpu, status.use)
    }
  }

  #setBookings({ gpus }: ScheduleDocument): void {
    this.#booked.reset()
    for (const { gpu_id: gpu, periods } of gpus) {
      const next = periods.find(({ state }) => state === 'BOOKED')
      if (next !== undefined) this.#booked.set({ gpu }, Date.parse(next.from) / 1000)
    }
  }

  #setReadings(gpu: string, use: GpuStatus['use']): void {
    if (use.kind === 'fault') return
    const values = [
      use.memoryUsedMb * MIB,
      use.memoryTotalMb === undefined ? undefined : use.memoryTotalMb * MIB,
      use.utilizationPercent === undefined ? undefined : use.utilizationPercent / 100,
      use.temperatureC,
      use.powerW,
    ]
    for (const [at, gauge] of this.#measured().entries()) {
      const value = values[at]
      if (value !== undefined) gauge.set({ gpu }, value)
    }
  }

  #setUsers({ gpus, queue }: Snapshot): void {
    for (const gauge of [this.#userGpus, this.#userHeld, this.#userWaiting]) gauge.reset()
    for (const status of gpus) {
      if (status.kind !== 'reserved') continue
      const { owner, startedAt } = status.reservation
      const user = owner.shownName
      this.#userGpus.inc({ user })
      this.#userHeld.inc({ user }, Math.max(0, queue.now - startedAt) / 1000)
    }
    for (const { entry } of queue.places) this.#userWaiting.inc({ user: entry.owner.shownName })
    this.#queueLength.set(queue.places.length)
  }

  #setAccounts(accounts: readonly AccountDocument[]): void {
    const limits = Object.values(this.#accountLimits)
    const used = [this.#accountGpus, this.#accountWaiting, this.#accountBookings]
    for (const gauge of [...used, ...limits]) gauge.reset()
    for (const { account = USER_NAMESPACES, gpus, waiting, bookings, limits } of accounts.slice(
      0,
      MOST_ACCOUNTS,
    )) {
      this.#accountGpus.inc({ account }, gpus)
      this.#accountWaiting.inc({ account }, waiting)
      this.#accountBookings.inc({ account }, bookings)
      for (const { rule, amount } of limits) {
        if (amount !== undefined) this.#accountLimits[rule]?.set({ account }, amount)
      }
    }
  }

  #measured(): readonly Gauge[] {
    return [this.#memoryUsed, this.#memoryTotal, this.#utilization, this.#temperature, this.#power]
  }

  #limitGauge(name: string, help: string): Gauge {
    return this.#gauge(`account_${name}`, `${help}; absent without a limit, or if it is not known`, [
      'account',
    ])
  }

  #gauge(name: string, help: string, labelNames: readonly string[]): Gauge {
    return new Gauge({
      name: `canhazgpu_${name}`,
      help,
      labelNames: [...labelNames],
      registers: [this.#registry],
    })
  }
}
