import { reservedUnits } from '../../domain/observation/allocation.ts'
import { DEFAULT_MEMORY_THRESHOLD_MB, usageOf } from '../../domain/observation/usage.ts'
import { acquire, joinLine } from '../../domain/operation/acquisition.ts'
import { endReservation, settle } from '../../domain/operation/ending.ts'
import type { Intent } from '../../domain/operation/intent.ts'
import { isRefusal } from '../../domain/operation/refusal.ts'
import type {
  Millis,
  Moment,
  Pool,
  ProcessIdentity,
  Unit,
  UnitId,
  UsageRecord,
} from '../../domain/pool/model.ts'
import type { ProcessCheck } from '../../domain/pool/process-check.ts'
import { gpuUnit } from '../../domain/pool/units.ts'
import { Chance } from './chance.ts'
import { readings } from './readings.ts'
import { OPENING, type Person, type Role, TEAM, type Work } from './team.ts'

export const GPU_COUNT = 8
const MINUTE: Millis = 60_000
const DAY: Millis = 24 * 60 * MINUTE
/** How far back the made-up history goes. */
const PAST: Millis = 60 * DAY
/** Steps of the past are long, those of the present short. */
const PAST_STEP: Millis = 10 * MINUTE
const LIVE_STEP: Millis = 1_000
/** Everybody is there. */
const PROCESSES: ProcessCheck = { alive: () => 'alive', stopped: () => false }

/** What nobody reserved. */
export interface Trouble {
  readonly squatted: UnitId | null
  readonly faulty: UnitId | null
}

/**
 * A team at work on eight GPUs, decided by the very rules of canhazgpu: it asks, waits in line, is served and
 * leaves. The time before the first look is played in long steps.
 */
export class Play {
  readonly records: UsageRecord[] = []
  readonly works = new Map<string, Work>()
  trouble: Trouble = { squatted: null, faulty: null }
  pool: Pool
  readonly #chance = new Chance(7)
  readonly #ends = new Map<string, Millis>()
  /** How long a command will take once it has its GPUs. */
  readonly #lengths = new Map<string, Millis>()
  readonly #intents = new Map<string, Intent>()
  /** Who shall still be there when the curtain rises. */
  readonly #staying = new Set<string>()
  readonly #opening: Millis
  #now: Millis
  #made = 0

  constructor(host: string, moment: Moment) {
    this.#opening = moment.wall
    this.#now = moment.wall - PAST
    this.pool = emptyPool(host, moment)
    const roles = OPENING.toSorted((one, other) => other.ago - one.ago)
    for (const role of roles) {
      this.#playPast(moment.wall - role.ago * MINUTE, moment)
      this.#enter(role)
    }
    this.#playPast(moment.wall - PAST_STEP / 2, moment)
    this.#makeRoom(GPU_COUNT)
    this.#now = moment.wall
    for (let at = 0; at < 4; at++) this.#ask()
  }

  /** Plays on to the present; tells whether anything happened. */
  advance(moment: Moment): boolean {
    const before = this.pool
    // After a pause nobody wants to see every second of it.
    if (moment.wall - this.#now > 10 * MINUTE) this.#now = moment.wall - 10 * MINUTE
    while (this.#now + LIVE_STEP <= moment.wall) this.#step(LIVE_STEP, moment)
    return this.pool !== before
  }

  #step(length: Millis, { steady }: Moment): void {
    this.#now += length
    const moment: Moment = { wall: this.#now, steady }
    this.pool = { ...this.pool, writtenAt: moment }
    this.#makeTrouble()
    const settled = settle(this.pool, moment, PROCESSES)
    this.#keep(settled)
    for (const [id, end] of this.#ends) {
      if (end > this.#now) continue
      this.#ends.delete(id)
      this.#keep(endReservation(this.pool, id, 'exited', end))
    }
    if (this.#chance.happens(this.#demand() * (length / MINUTE))) this.#ask()
    for (const { id } of this.pool.queue) this.#serve(id)
  }

  #playPast(until: Millis, moment: Moment): void {
    while (this.#now + PAST_STEP <= until) this.#step(PAST_STEP, moment)
    this.#now = until
  }

  /** One of those who shall be seen first comes, and gets what is wanted. */
  #enter({ who, work, ago, left }: Role): void {
    const person = TEAM.find(({ account }) => account.name === who) ?? TEAM[0]
    const wanted = person.works[work] ?? person.works[0]
    this.#makeRoom(wanted.gpus)
    const id = this.#join(person, wanted, (ago + left) * MINUTE)
    this.#serve(id)
    this.#staying.add(id)
  }

  /** Everybody in line goes home, and who came first of the others makes room. */
  #makeRoom(wanted: number): void {
    this.pool = { ...this.pool, queue: [] }
    for (const { id } of this.pool.reservations) {
      if (GPU_COUNT - reservedUnits(this.pool).size >= wanted) return
      if (!this.#staying.has(id)) this.#keep(endReservation(this.pool, id, 'exited', this.#now))
    }
  }

  /** Requests per minute: busy afternoons, quiet nights and weekends, a line while someone watches. */
  #demand(): number {
    if (this.#isLive()) {
      const isRush = (this.#now - this.#opening) % (4 * MINUTE) < 2.5 * MINUTE
      return isRush ? (this.pool.queue.length < 4 ? 3.6 : 0.6) : 0.7
    }
    if (this.pool.queue.length >= 5) return 0
    const date = new Date(this.#now)
    const weekend = date.getDay() === 0 || date.getDay() === 6
    const daytime = Math.max(0.1, Math.sin(((date.getHours() - 6) / 24) * 2 * Math.PI) + 0.4)
    return (weekend ? 0.012 : 0.04) * daytime
  }

  #isLive(): boolean {
    return this.#now >= this.#opening
  }

  /** Someone wants GPUs; while one watches mostly for short work, so that there is something to watch. */
  #ask(): void {
    const tickets = TEAM.flatMap((each) => Array.from({ length: each.eagerness }, () => each))
    const person = this.#chance.pick([TEAM[0], ...tickets])
    const [first, ...rest] = person.works.filter(isShort)
    const long = this.pool.reservations.filter(({ id }) => !isShort(this.works.get(id)))
    const wantsShort = this.#isLive() ? long.length >= 3 : this.#chance.happens(0.15)
    if (!wantsShort) {
      const work = this.#chance.pick(person.works)
      this.#join(person, work, this.#chance.between(...work.minutes) * MINUTE)
    } else if (first !== undefined) {
      const work = this.#chance.pick([first, ...rest])
      const length = this.#chance.between(...work.minutes) * MINUTE
      this.#join(person, work, this.#isLive() ? length / 4 : length)
    }
  }

  #join(person: Person, work: Work, length: Millis): string {
    const id = `demo${(++this.#made).toString(36).padStart(8, '0')}`
    const intent: Intent = {
      id,
      request: { kind: 'count', count: work.gpus },
      owner: { account: person.account, shownName: person.user ?? person.account.name },
      ...(work.note === undefined ? {} : { note: work.note }),
      term: termFor(work, length, this.#made, this.#chance.happens(0.4)),
    }
    this.works.set(id, work)
    this.#intents.set(id, intent)
    const joined = joinLine(this.pool, intent, { process: processOf(this.#made) }, this.#now)
    if (!isRefusal(joined)) this.pool = joined
    if (intent.term.kind === 'run') this.#lengths.set(id, length)
    return id
  }

  #serve(id: string): void {
    const intent = this.#intents.get(id)
    if (intent === undefined) return
    const usage = usageOf(this.pool, readings(this, this.#now))
    const sight = { usage, thresholdMb: DEFAULT_MEMORY_THRESHOLD_MB }
    const { pool, result } = acquire(this.pool, intent, { now: this.#now, stopped: PROCESSES.stopped, sight })
    if (result.kind === 'refused') return
    this.pool = pool
    this.#intents.delete(id)
    const length = this.#lengths.get(id)
    if (length === undefined) return
    this.#lengths.delete(id)
    this.#ends.set(id, this.#now + length)
  }

  /** A card that fails for minutes at a time, and a colleague who never reserves. */
  #makeTrouble(): void {
    if (!this.#isLive()) return
    const seconds = Math.floor((this.#now - this.#opening) / 1000)
    const held = reservedUnits(this.pool)
    const free = this.pool.units.map((unit) => unit.id).filter((id) => !held.has(id))
    const { faulty, squatted } = this.trouble
    this.trouble = {
      faulty: seconds % 420 < 330 ? (faulty ?? free.at(-1) ?? null) : null,
      squatted: seconds % 240 < 180 ? (squatted ?? free.find((id) => id !== faulty) ?? null) : null,
    }
  }

  #keep({ pool, ended }: { readonly pool: Pool; readonly ended: readonly UsageRecord[] }): void {
    this.pool = pool
    this.records.push(...ended)
    for (const { reservation } of ended) {
      this.#ends.delete(reservation)
      if (!pool.reservations.some((each) => each.id === reservation)) this.works.delete(reservation)
    }
  }
}

const isShort = (work: Work | undefined): boolean => work !== undefined && work.minutes[0] < 5

function termFor(work: Work, length: Millis, made: number, timed: boolean): Intent['term'] {
  if (work.command === undefined) return { kind: 'manual', duration: length }
  const run = { kind: 'run' as const, process: processOf(made), command: work.command }
  return timed ? { ...run, timeout: { after: length, grace: 30_000 } } : run
}

const processOf = (made: number): ProcessIdentity => ({
  pid: 20_000 + made * 7,
  startTime: made,
  bootId: 'demo',
  pidNamespace: 'demo',
})

function emptyPool(host: string, moment: Moment): Pool {
  return {
    host,
    provider: 'fake',
    units: Array.from(
      { length: GPU_COUNT },
      (_, number): Unit => ({
        id: gpuUnit(number),
        device: { uuid: `GPU-demo-${number}`, name: 'NVIDIA H100 80GB HBM3' },
        shape: { kind: 'gpu' },
      }),
    ),
    reservations: [],
    queue: [],
    policy: { allocation: 'lru' },
    writtenAt: moment,
  }
}
