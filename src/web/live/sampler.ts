import { pause } from '../../app/sampling/pause.ts'
import { CanhazgpuError } from '../../domain/errors.ts'
import { reservedUnits } from '../../domain/observation/allocation.ts'
import { readingsOf } from '../../domain/observation/readings.ts'
import type { Millis, Moment } from '../../domain/pool/model.ts'
import type { PoolService, TimedPool } from '../../ports/pool-service.ts'
import {
  type DriverReading,
  type Identity,
  type Snapshot,
  type Stale,
  type StaleCause,
  staleSnapshot,
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

/** How often the sampler probes the driver while it is awake. */
const PROBE_EVERY_MS: Millis = 2_000
/** The sampler stays awake this long after the last request, because clients usually send another one. */
const STAY_AWAKE_MS: Millis = 10_000
/** Clients wait at most this long for a probe. After it they get the last reading, marked as stale if it is old. */
const PROBE_WAIT_MS: Millis = 1_000
/** The age from which a reading counts as old. It is higher if the last probe was slow. */
const OLD_AFTER_MS: Millis = 5_000

/**
 * Takes snapshots that all clients share. It reads the pool when the pool changes, and probes the driver every two
 * seconds. Without clients it does neither. A client never waits more than a second for the driver.
 */
export class Sampler {
  readonly trend = new Trend()
  readonly #options: SamplerOptions
  readonly #listeners = new Set<() => void>()
  #watchers = 0
  #lastRequestAt: Millis = Number.NEGATIVE_INFINITY
  #awake: AbortController | null = null
  #starting: Promise<void> | null = null
  #probing: Promise<void> | null = null
  #reading: (DriverReading & { readonly at: Millis; readonly duration: Millis }) | null = null
  #failure: StaleCause | null = null
  #probeStartedAt: Millis | null = null
  #publishing: Promise<void> | null = null
  #publishAgain = false
  #snapshot: Snapshot | null = null
  #version = 0

  constructor(options: SamplerOptions) {
    this.#options = options
  }

  get isAwake(): boolean {
    return this.#awake !== null
  }

  /** The number of snapshots that differed from the previous one. */
  get version(): number {
    return this.#version
  }

  /** The state of the driver by the last snapshot. Does not probe it. */
  get health(): 'ok' | 'stale' | 'asleep' {
    if (!this.isAwake || this.#snapshot === null) return 'asleep'
    return this.#snapshot.document.stale === undefined ? 'ok' : 'stale'
  }

  /** The current snapshot. Throws if the pool has never been readable. */
  async current(): Promise<Snapshot> {
    this.#lastRequestAt = this.#options.clock()
    await this.#wake()
    return this.#snapshot ?? this.#read()
  }

  /** The pool without what has ended. Neither probes the driver nor wakes the sampler. Throws if it cannot be read. */
  async pool(): Promise<TimedPool> {
    const latest = this.isAwake ? this.#snapshot?.source : undefined
    return latest ?? this.#options.pool.view('settled')
  }

  /** Keeps the sampler awake until the returned function is called. */
  watch(): () => void {
    this.#watchers++
    return () => {
      this.#watchers--
      this.#lastRequestAt = this.#options.clock()
    }
  }

  /** Resolves with the next snapshot newer than version `after`, or with null if there is none for two seconds. */
  async next(after: number): Promise<Snapshot | null> {
    await this.#wake()
    if (this.#version <= after) await new Promise<void>((resolve) => this.#listeners.add(resolve))
    return this.#version > after ? this.#snapshot : null
  }

  close(): void {
    this.#sleep()
    this.#notifyListeners()
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
    void this.#probeRegularly(signal)
    const waited = Promise.withResolvers<void>()
    const timer = setTimeout(waited.resolve, PROBE_WAIT_MS)
    await Promise.race([this.#probe(), waited.promise])
    clearTimeout(timer)
    await this.#publish()
  }

  #sleep(): void {
    this.#awake?.abort()
    this.#awake = null
  }

  /** Probes the driver every two seconds while there are clients. */
  async #probeRegularly(signal: AbortSignal): Promise<void> {
    for (;;) {
      await pause(PROBE_EVERY_MS, signal)
      if (signal.aborted) return
      const idle = this.#watchers === 0 && this.#options.clock() - this.#lastRequestAt > STAY_AWAKE_MS
      if (idle) return this.#sleep()
      const probed = this.#probing === null ? this.#probe() : Promise.resolve()
      void probed.then(() => this.#publish()).then(() => this.#notifyListeners())
    }
  }

  async #followPool(signal: AbortSignal): Promise<void> {
    try {
      for await (const _ of this.#options.pool.events(signal)) void this.#publish()
    } catch {
      // Without change events, the regular snapshot every two seconds shows the change.
    }
  }

  /** Probes the driver, unless a probe is already running; resolves at its end. */
  #probe(): Promise<void> {
    this.#probeStartedAt ??= this.#options.clock()
    this.#probing ??= this.#readDriver().finally(() => {
      this.#probing = null
      this.#probeStartedAt = null
    })
    return this.#probing
  }

  async #readDriver(): Promise<void> {
    const { pool: service, clock } = this.#options
    const started = clock()
    try {
      const { pool, moment, observation, stale } = await service.view('observed')
      const age = stale === undefined ? 0 : moment.wall - stale.since
      const at = clock() - age
      this.#reading = { observation, reserved: reservedUnits(pool), at, duration: clock() - started }
      this.#failure = stale?.failure ?? null
      if (stale === undefined) this.trend.add(readingsOf(pool, observation.probe), moment.wall)
    } catch (error) {
      this.#failure = causeOf(error)
    }
  }

  /** Reads the pool and publishes a snapshot; repeats this if the pool changed meanwhile. */
  #publish(): Promise<void> {
    if (this.#publishing !== null) {
      this.#publishAgain = true
      return this.#publishing
    }
    this.#publishing = this.#sample().finally(() => {
      this.#publishing = null
    })
    return this.#publishing
  }

  async #sample(): Promise<void> {
    do {
      this.#publishAgain = false
      const taken = await this.#read().catch((error: unknown) =>
        this.#snapshot === null ? null : staleSnapshot(this.#snapshot, causeOf(error)),
      )
      if (taken === null) continue
      const differs = taken.signature !== this.#snapshot?.signature
      this.#snapshot = taken
      this.#options.onSnapshot?.(taken)
      if (!differs) continue
      this.#version++
      this.#notifyListeners()
    } while (this.#publishAgain)
  }

  async #read(): Promise<Snapshot> {
    const settled = await this.#options.pool.view('settled')
    const stale = this.#staleness(settled.moment)
    const source = { ...settled, reading: this.#reading, ...(stale === undefined ? {} : { stale }) }
    return takeSnapshot(source, this.#options.identity)
  }

  #staleness(moment: Moment): Stale | undefined {
    const now = this.#options.clock()
    const waiting = this.#probeStartedAt === null ? 0 : now - this.#probeStartedAt
    const age = this.#reading === null ? Number.POSITIVE_INFINITY : now - this.#reading.at
    const usualAge = PROBE_EVERY_MS + 3 * (this.#reading?.duration ?? 0)
    const isUnresponsive = waiting >= PROBE_WAIT_MS && age >= Math.max(OLD_AFTER_MS, usualAge)
    const cause = this.#failure ?? (isUnresponsive ? UNRESPONSIVE : null)
    if (cause === null) return undefined
    if (this.#reading === null) return { cause }
    return { cause, since: moment.wall - age }
  }

  #notifyListeners(): void {
    const listeners = [...this.#listeners]
    this.#listeners.clear()
    for (const resolve of listeners) resolve()
  }
}

/** Every error becomes a part of the snapshot, so that a page that stays open shows it. */
function causeOf(error: unknown): StaleCause {
  if (error instanceof CanhazgpuError) return { code: error.code, message: error.message }
  return { code: 'internal', message: `internal error: ${error}` }
}

const UNRESPONSIVE: StaleCause = { code: 'driver-unresponsive', message: 'the GPU driver does not answer' }
