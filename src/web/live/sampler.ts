import { CanhazgpuError } from '../../domain/errors.ts'
import { reservedUnits } from '../../domain/observation/allocation.ts'
import { readingsOf } from '../../domain/observation/readings.ts'
import type { Millis, Moment } from '../../domain/pool/model.ts'
import type { PoolService } from '../../ports/pool-service.ts'
import {
  agedSnapshot,
  type DriverReading,
  type Identity,
  type Snapshot,
  type Stale,
  type Trouble,
  takeSnapshot,
} from './snapshot.ts'
import { Trend } from './trend.ts'

export interface SamplerOptions {
  readonly pool: PoolService
  readonly identity: Identity
  /** Steady time. */
  readonly clock: () => Millis
  /** Called with every snapshot. */
  readonly onSnapshot?: (snapshot: Snapshot) => void
}

/** How often the driver is asked while the sampler is awake. */
const PROBE_EVERY_MS: Millis = 2_000
/** The sampler stays awake for this time after the last request, because clients ask again. */
const LINGER_MS: Millis = 10_000
/** The longest wait for the driver; after it the last reading is shown, marked as old. */
const PATIENCE_MS: Millis = 1_000
/** The age from which a reading counts as old; more for a driver that is known to be slow. */
const OLD_AFTER_MS: Millis = 5_000

/**
 * Samples pool and GPUs once for all clients: the pool when it changes, the driver every two seconds, and neither
 * while there is no client. Never waits longer than a second for the driver.
 */
export class Sampler {
  readonly trend = new Trend()
  readonly #options: SamplerOptions
  readonly #waiters = new Set<() => void>()
  #watchers = 0
  #lastAsked: Millis = Number.NEGATIVE_INFINITY
  #awake: AbortController | null = null
  #starting: Promise<void> | null = null
  #probing: Promise<void> | null = null
  #reading: (DriverReading & { readonly at: Millis; readonly took: Millis }) | null = null
  #failure: Trouble | null = null
  #askedSince: Millis | null = null
  #publishing: Promise<void> | null = null
  #again = false
  #snapshot: Snapshot | null = null
  #version = 0

  constructor(options: SamplerOptions) {
    this.#options = options
  }

  get isAwake(): boolean {
    return this.#awake !== null
  }

  /** Counts the snapshots that differed from the one before. */
  get version(): number {
    return this.#version
  }

  /** The state of the driver, without asking it. */
  get health(): 'ok' | 'stale' | 'asleep' {
    if (!this.isAwake || this.#snapshot === null) return 'asleep'
    return this.#snapshot.document.stale === undefined ? 'ok' : 'stale'
  }

  /** The present snapshot. Throws where the pool cannot be read and never could. */
  async current(): Promise<Snapshot> {
    this.#lastAsked = this.#options.clock()
    await this.#wake()
    return this.#snapshot ?? this.#fresh()
  }

  /** Keeps the sampler awake until the returned function is called. */
  watch(): () => void {
    this.#watchers++
    return () => {
      this.#watchers--
      this.#lastAsked = this.#options.clock()
    }
  }

  /** Resolves when there is a newer snapshot, and every two seconds without one. */
  async next(after: number): Promise<Snapshot | null> {
    await this.#wake()
    if (this.#version <= after) await new Promise<void>((resolve) => this.#waiters.add(resolve))
    return this.#version > after ? this.#snapshot : null
  }

  close(): void {
    this.#sleep()
    this.#release()
  }

  #wake(): Promise<void> {
    if (this.#awake !== null) return this.#starting ?? Promise.resolve()
    const awake = new AbortController()
    this.#awake = awake
    this.#starting = this.#start(awake.signal).finally(() => {
      this.#starting = null
    })
    return this.#starting
  }

  async #start(signal: AbortSignal): Promise<void> {
    void this.#followPool(signal)
    void this.#beat(signal)
    const patience = Promise.withResolvers<void>()
    const timer = setTimeout(patience.resolve, PATIENCE_MS)
    await Promise.race([this.#probe(), patience.promise])
    clearTimeout(timer)
    await this.#publish()
  }

  #sleep(): void {
    this.#awake?.abort()
    this.#awake = null
  }

  /** Asks the driver every two seconds, until there is no client any more. */
  async #beat(signal: AbortSignal): Promise<void> {
    for (;;) {
      await pause(PROBE_EVERY_MS, signal)
      if (signal.aborted) return
      const idle = this.#watchers === 0 && this.#options.clock() - this.#lastAsked > LINGER_MS
      if (idle) return this.#sleep()
      const answer = this.#probing === null ? this.#probe() : Promise.resolve()
      void answer.then(() => this.#publish()).then(() => this.#release())
    }
  }

  async #followPool(signal: AbortSignal): Promise<void> {
    try {
      for await (const _ of this.#options.pool.events(signal)) void this.#publish()
    } catch {
      // Without wake-ups, the regular sample every two seconds finds the change.
    }
  }

  /** Asks the driver, one call at a time. */
  #probe(): Promise<void> {
    this.#askedSince ??= this.#options.clock()
    this.#probing ??= this.#ask().finally(() => {
      this.#probing = null
      this.#askedSince = null
    })
    return this.#probing
  }

  async #ask(): Promise<void> {
    const { pool: service, clock } = this.#options
    const asked = clock()
    try {
      const { pool, moment, observation } = await service.view('observed')
      const at = clock()
      this.#reading = { observation, reserved: reservedUnits(pool), at, took: at - asked }
      this.#failure = null
      this.trend.add(readingsOf(pool, observation.probe), moment.wall)
    } catch (error) {
      this.#failure = troubleOf(error)
    }
  }

  /** Reads the pool and publishes a snapshot; once more if the pool changed meanwhile. */
  #publish(): Promise<void> {
    if (this.#publishing !== null) {
      this.#again = true
      return this.#publishing
    }
    this.#publishing = this.#sample().finally(() => {
      this.#publishing = null
    })
    return this.#publishing
  }

  async #sample(): Promise<void> {
    do {
      this.#again = false
      const taken = await this.#fresh().catch((error: unknown) =>
        this.#snapshot === null ? null : agedSnapshot(this.#snapshot, troubleOf(error)),
      )
      if (taken === null) continue
      const differs = taken.signature !== this.#snapshot?.signature
      this.#snapshot = taken
      this.#options.onSnapshot?.(taken)
      if (!differs) continue
      this.#version++
      this.#release()
    } while (this.#again)
  }

  async #fresh(): Promise<Snapshot> {
    const settled = await this.#options.pool.view('settled')
    const stale = this.#staleness(settled.moment)
    const seen = { ...settled, reading: this.#reading, ...(stale === undefined ? {} : { stale }) }
    return takeSnapshot(seen, this.#options.identity)
  }

  #staleness(moment: Moment): Stale | undefined {
    const now = this.#options.clock()
    const waiting = this.#askedSince === null ? 0 : now - this.#askedSince
    const age = this.#reading === null ? Number.POSITIVE_INFINITY : now - this.#reading.at
    const usual = PROBE_EVERY_MS + 3 * (this.#reading?.took ?? 0)
    const silent = waiting >= PATIENCE_MS && age >= Math.max(OLD_AFTER_MS, usual)
    const trouble = this.#failure ?? (silent ? SILENT : null)
    if (trouble === null) return undefined
    if (this.#reading === null) return { trouble }
    return { trouble, since: moment.wall - age }
  }

  #release(): void {
    const waiters = [...this.#waiters]
    this.#waiters.clear()
    for (const resolve of waiters) resolve()
  }
}

/** A page on a wall stays open through every error, and shows it. */
function troubleOf(error: unknown): Trouble {
  if (error instanceof CanhazgpuError) return { code: error.code, message: error.message }
  return { code: 'internal', message: `internal error: ${error}` }
}

const SILENT: Trouble = { code: 'driver-unresponsive', message: 'the GPU driver does not answer' }

function pause(ms: Millis, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(done, ms)
    function done(): void {
      clearTimeout(timer)
      signal.removeEventListener('abort', done)
      resolve()
    }
    signal.addEventListener('abort', done)
  })
}
