import type { Intent } from '../../domain/operation/intent.ts'
import { isRefusal } from '../../domain/operation/refusal.ts'
import type { Millis, Moment, ProcessIdentity, Reservation } from '../../domain/pool/model.ts'
import { DemoMachine, GPU_COUNT } from './demo-machine.ts'
import { Random } from './random.ts'
import {
  BOOKINGS,
  type DemoBooking,
  INITIAL_JOBS,
  type InitialJob,
  type Job,
  type Member,
  RULES,
  TEAM,
} from './team.ts'

const MINUTE: Millis = 60_000
const HOUR: Millis = 60 * MINUTE
const DAY: Millis = 24 * HOUR
/** Length of the made-up history. */
const HISTORY: Millis = 60 * DAY
/** The simulation takes long steps through the history, and short ones while the demo is served. */
const HISTORY_STEP: Millis = 10 * MINUTE
const LIVE_STEP: Millis = 1_000
const INITIAL_REQUESTS = 4
/** The longest time that `advance` simulates; a longer pause is skipped. */
const LONGEST_ADVANCE: Millis = 10 * MINUTE

/** Simulates a made-up team that shares the GPUs: its members request GPUs, wait, use them and release them. */
export class TeamSimulation {
  readonly machine: DemoMachine
  readonly #random = new Random(7)
  /** The end of each command, by the id of its reservation. */
  readonly #ends = new Map<string, Millis>()
  readonly #waiting = new Map<string, Waiting>()
  /** Reservations that must still exist when the history ends. */
  readonly #initial = new Set<string>()
  readonly #start: Millis
  #requestCount = 0

  constructor(host: string, moment: Moment) {
    this.#start = moment.wall
    const { steady } = moment
    const begin = { wall: moment.wall - HISTORY, steady: { ...steady, ms: steady.ms - HISTORY } }
    this.machine = new DemoMachine(host, begin)
    this.#setRules()
    for (const job of INITIAL_JOBS.toSorted((one, other) => other.startedAgo - one.startedAgo)) {
      this.#simulateHistory(moment.wall - job.startedAgo * MINUTE)
      this.#startInitialJob(job)
    }
    this.#drainGpu()
    this.#simulateHistory(moment.wall - HISTORY_STEP / 2)
    this.#freeGpus(GPU_COUNT)
    this.machine.now = moment.wall
    for (const booking of BOOKINGS) this.#book(booking)
    for (let at = 0; at < INITIAL_REQUESTS; at++) this.#makeRequest()
  }

  /** Simulates up to this time. */
  advance(until: Millis): void {
    this.machine.now = Math.max(this.machine.now, until - LONGEST_ADVANCE)
    while (this.machine.now + LIVE_STEP <= until) this.#step(LIVE_STEP)
  }

  #setRules(): void {
    for (const change of RULES) this.machine.perform({ op: 'set-policy', change })
  }

  #drainGpu(): void {
    const unit = this.machine.freeUnits.at(-1)
    if (unit === undefined) return
    this.machine.perform({ op: 'drain', units: [unit], reason: 'fan is loud, replacement on Monday' })
  }

  #book({ account, gpus, note, from, hours }: DemoBooking): void {
    const { account: booker } = TEAM.find(({ account: { name } }) => name === account) ?? TEAM[0]
    const midnight = new Date(this.#start).setHours(0, 0, 0, 0)
    this.machine.perform({
      op: 'book',
      intent: {
        id: this.#nextId(),
        request: { kind: 'count', count: gpus },
        owner: { account: booker, shownName: booker.name },
        note,
        term: { kind: 'booking', from: midnight + from * HOUR, duration: hours * HOUR },
      },
    })
  }

  #simulateHistory(until: Millis): void {
    while (this.machine.now + HISTORY_STEP <= until) this.#step(HISTORY_STEP)
    this.machine.now = until
  }

  #step(length: Millis): void {
    const now = this.machine.now + length
    this.#endCommands(now)
    this.machine.now = now
    this.#changeUnusable()
    this.machine.perform({ op: 'settle' })
    if (this.#random.happens(this.#requestsPerMinute() * (length / MINUTE))) this.#makeRequest()
    for (const { id } of this.machine.pool.queue) this.#acquire(id)
  }

  /** Ends the commands that are due, each at its own time within the step. */
  #endCommands(until: Millis): void {
    const due = [...this.#ends].filter(([, end]) => end <= until)
    for (const [id, end] of due.toSorted(([, one], [, other]) => one - other)) {
      this.machine.now = Math.max(this.machine.now, end)
      this.#end(id)
    }
  }

  #end(id: string): void {
    this.#ends.delete(id)
    const held = this.machine.pool.reservations.find((each) => each.id === id)
    if (held !== undefined) this.machine.perform({ op: 'end', id, outcome: outcomeOf(held) })
  }

  #startInitialJob({ account, job, startedAgo, endsIn }: InitialJob): void {
    const member = TEAM.find(({ account: { name } }) => name === account) ?? TEAM[0]
    const wanted = member.jobs[job] ?? member.jobs[0]
    this.#freeGpus(wanted.gpus)
    this.#initial.add(this.#acquireOrWait(member, wanted, (startedAgo + endsIn) * MINUTE))
  }

  /** Empties the queue, and ends the oldest reservations until `count` GPUs are free. Initial jobs continue. */
  #freeGpus(count: number): void {
    const { queue, reservations } = this.machine.pool
    for (const { id } of queue) {
      this.machine.perform({ op: 'leave', id })
      this.#waiting.delete(id)
      this.machine.jobs.delete(id)
    }
    for (const { id } of reservations) {
      if (this.machine.freeUnits.length >= count) return
      if (!this.#initial.has(id)) this.#end(id)
    }
  }

  /**
   * In the history, most requests are made in the afternoon, and few at night and at weekends. While the demo is served,
   * there are enough requests for a queue.
   */
  #requestsPerMinute(): number {
    const { now, pool } = this.machine
    if (this.#isLive) {
      const isBusyTime = (now - this.#start) % (4 * MINUTE) < 2.5 * MINUTE
      return isBusyTime ? (pool.queue.length < 4 ? 3.6 : 0.6) : 0.7
    }
    if (pool.queue.length >= 5) return 0
    const date = new Date(now)
    const isWeekend = date.getDay() === 0 || date.getDay() === 6
    const daytime = Math.max(0.1, Math.sin(((date.getHours() - 6) / 24) * 2 * Math.PI) + 0.4)
    return (isWeekend ? 0.012 : 0.04) * daytime
  }

  get #isLive(): boolean {
    return this.machine.now >= this.#start
  }

  /** A random member requests GPUs. While the demo is served, most jobs are short, so that holders change often. */
  #makeRequest(): void {
    const weighted = TEAM.flatMap((each) => Array.from({ length: each.requests }, () => each))
    const member = this.#random.pick([TEAM[0], ...weighted])
    const [first, ...rest] = member.jobs.filter(isShort)
    const { pool, jobs } = this.machine
    const long = pool.reservations.filter(({ id }) => !isShort(jobs.get(id)))
    const wantsShort = this.#isLive ? long.length >= 3 : this.#random.happens(0.15)
    if (!wantsShort) {
      const job = this.#random.pick(member.jobs)
      this.#acquireOrWait(member, job, this.#random.length(...job.minutes) * MINUTE)
    } else if (first !== undefined) {
      const job = this.#random.pick([first, ...rest])
      const length = this.#random.length(...job.minutes) * MINUTE
      this.#acquireOrWait(member, job, this.#isLive ? length / 4 : length)
    }
  }

  #nextId(): string {
    return `demo${(++this.#requestCount).toString(36).padStart(8, '0')}`
  }

  /** Acquires the GPUs at once, or waits for them. Returns the id. */
  #acquireOrWait(member: Member, job: Job, length: Millis): string {
    const id = this.#nextId()
    const process = processOf(this.#requestCount)
    const intent: Intent = {
      id,
      request: { kind: 'count', count: job.gpus },
      owner: { account: member.account, shownName: member.user ?? member.account.name },
      ...(job.note === undefined ? {} : { note: job.note }),
      term: termOf(job, { process, length, isLimited: this.#random.happens(0.4) }),
    }
    this.machine.jobs.set(id, job)
    this.#waiting.set(id, { intent, process, length })
    this.#acquire(id)
    return id
  }

  #acquire(id: string): void {
    const waiting = this.#waiting.get(id)
    if (waiting === undefined) return
    const { intent, process, length } = waiting
    const answer = this.machine.perform({ op: 'acquire', intent, wait: { process } })
    if (isRefusal(answer) || answer.kind === 'queued') return
    this.#waiting.delete(id)
    if (intent.term.kind === 'run') this.#ends.set(id, this.machine.now + length)
  }

  /** While the demo is served, one GPU is faulty at times, and a user without a reservation uses another one. */
  #changeUnusable(): void {
    if (!this.#isLive) return
    const { now, freeUnits, unusable } = this.machine
    const seconds = Math.floor((now - this.#start) / 1000)
    const { faulty, squatted } = unusable
    this.machine.unusable = {
      faulty: seconds % 420 < 330 ? (faulty ?? freeUnits.at(-1) ?? null) : null,
      squatted: seconds % 240 < 180 ? (squatted ?? freeUnits.find((id) => id !== faulty) ?? null) : null,
    }
  }
}

interface Waiting {
  readonly intent: Intent
  readonly process: ProcessIdentity
  /** How long the job runs. */
  readonly length: Millis
}

const isShort = (job: Job | undefined): boolean => job !== undefined && job.minutes[0] < 5

const outcomeOf = ({ term }: Reservation) => (term.kind === 'run' ? 'exited' : 'released')

interface Running {
  readonly process: ProcessIdentity
  readonly length: Millis
  readonly isLimited: boolean
}

function termOf({ command }: Job, { process, length, isLimited }: Running): Intent['term'] {
  if (command === undefined) return { kind: 'manual', duration: length }
  const run = { kind: 'run' as const, process, command }
  return isLimited ? { ...run, timeout: { after: length, grace: 30_000 } } : run
}

const processOf = (request: number): ProcessIdentity => ({
  pid: 20_000 + request * 7,
  startTime: request,
  bootId: 'demo',
  pidNamespace: 'demo',
})
