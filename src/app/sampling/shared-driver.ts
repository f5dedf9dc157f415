import { CanhazgpuError } from '../../domain/errors.ts'
import { type Sample, untilNextSample } from '../../domain/observation/sample.ts'
import type { Millis, Pool } from '../../domain/pool/model.ts'
import type { GpuProvider } from '../../ports/driver.ts'
import type { SamplePurpose } from '../local-pool.ts'
import { type Probing, SharedProbes } from './shared-probes.ts'

/** How soon a change of the demand is noticed. */
const CHECK_DEMAND_MS: Millis = 2_000

/** A provider that keeps something open between probes. */
type Kept = GpuProvider & { close(): void }

export interface SharedDriverParts extends Omit<Probing, 'provider' | 'recentMs'> {
  readonly open: (pool: Pool) => Kept
  /** The greatest age of a probe that is shown as current. */
  readonly recentMs: (pool: Pool) => Millis
}

/** Whether and what to sample. */
export interface Demand {
  /** The pool whose driver is sampled; undefined while there is none. */
  readonly pool: () => Promise<Pool | undefined>
  /** Whether somebody waits for GPUs or watches them. */
  readonly isWanted: () => boolean
}

interface Opened {
  /** Differs between pools with different drivers. */
  readonly key: string
  readonly provider: Kept
  readonly probes: SharedProbes
}

/** The driver of the pool for all clients of a daemon: they share probes, and there is one probe at a time. */
export class SharedDriver {
  readonly #parts: SharedDriverParts
  #opened: Opened | undefined

  constructor(parts: SharedDriverParts) {
    this.#parts = parts
  }

  /** See `Driver.sample`. */
  async sample(pool: Pool, purpose: SamplePurpose): Promise<Sample> {
    const { probes } = this.#for(pool)
    if (purpose === 'decision') return { probe: await probes.fresh() }
    // A GPU that was released since the probe would look used without a reservation.
    const { ms: writtenAt } = pool.writtenAt.steady
    // Before the first change since a reboot, the time is of another epoch.
    return writtenAt <= this.#parts.clock() ? probes.recent(writtenAt) : probes.recent()
  }

  /** Probes regularly until the signal, so that there is a good probe to show if the driver stops answering. */
  async keepSampling(demand: Demand, signal: AbortSignal): Promise<void> {
    const { clock, pause } = this.#parts
    while (!signal.aborted) {
      const pool = await demand.pool()
      const probes = pool === undefined ? undefined : this.#for(pool).probes
      const isWanted = demand.isWanted()
      const wait =
        probes === undefined
          ? CHECK_DEMAND_MS
          : untilNextSample({ lastBegunAt: probes.lastBegunAt, now: clock(), isWanted })
      if (wait > 0) await pause(Math.min(wait, CHECK_DEMAND_MS), signal)
      // The failure is noted, and views show it.
      else await probes?.fresh().catch(unlessDefect)
    }
  }

  close(): void {
    this.#opened?.provider.close()
    this.#opened = undefined
  }

  #for(pool: Pool): Opened {
    const key = `${pool.provider} ${pool.units.length}`
    if (this.#opened?.key === key) return this.#opened
    this.close()
    const provider = this.#parts.open(pool)
    this.#opened = {
      key,
      provider,
      probes: new SharedProbes({ ...this.#parts, provider, recentMs: this.#parts.recentMs(pool) }),
    }
    return this.#opened
  }
}

function unlessDefect(error: unknown): void {
  if (!(error instanceof CanhazgpuError)) throw error
}
