import { CanhazgpuError } from '../../domain/errors.ts'
import type { Sample } from '../../domain/observation/sample.ts'
import type { Millis, Probe } from '../../domain/pool/model.ts'
import type { GpuProvider } from '../../ports/driver.ts'
import type { pause } from './pause.ts'

/** The least time that a view waits for a probe. A driver that usually takes longer gets three times its usual time. */
const PATIENCE_MS: Millis = 1_000

export interface Probing {
  readonly provider: GpuProvider
  /** Time limit of a probe. */
  readonly timeout: Millis
  /** The greatest age of a probe that is shown as present. */
  readonly recentMs: Millis
  /** Steady time. */
  readonly clock: () => Millis
  /** `pause`, except in tests. */
  readonly pause: typeof pause
  /** Called when the driver fails, when it fails in another way, and with undefined when it answers again. */
  readonly onFailure: (failure: CanhazgpuError | undefined) => void
}

interface Running {
  readonly begunAt: Millis
  readonly probe: Promise<Probe>
}

interface Good {
  readonly probe: Probe
  readonly begunAt: Millis
  readonly took: Millis
}

interface Delay {
  /** The probe that was running before. */
  readonly running: Running | undefined
  /** How long the last good probe took. */
  readonly usual: Millis
}

/** Probes one driver for many callers, one probe at a time. */
export class SharedProbes {
  readonly #parts: Probing
  #running: Running | undefined
  /** Shared by all callers that need a probe that begins after the running one. */
  #next: PromiseWithResolvers<Probe> | undefined
  #lastBegunAt: Millis = Number.NEGATIVE_INFINITY
  #lastGood: Good | undefined
  #failure: CanhazgpuError | undefined

  constructor(parts: Probing) {
    this.#parts = parts
  }

  /** When the last probe began, good or not. */
  get lastBegunAt(): Millis {
    return this.#lastBegunAt
  }

  /** A probe that begins after this call. */
  fresh(): Promise<Probe> {
    if (this.#running === undefined) return this.#begin()
    this.#next ??= Promise.withResolvers()
    return this.#next.promise
  }

  /**
   * A probe that began at most `recentMs` ago, and not before `changedAt`. If the driver fails or does not answer in
   * time, the last good probe, marked as stale. Throws if there never was one.
   */
  async recent(changedAt: Millis = Number.NEGATIVE_INFINITY): Promise<Sample> {
    const earliest = Math.max(this.#parts.clock() - this.#parts.recentMs, changedAt)
    const running = this.#running
    const good = this.#lastGood
    if (good !== undefined && good.begunAt >= earliest) return { probe: good.probe }
    const probe = running !== undefined && running.begunAt >= earliest ? running.probe : this.fresh()
    if (this.#lastGood === undefined) return { probe: await probe }
    try {
      return { probe: await this.#inTime(probe, { running, usual: this.#lastGood.took }) }
    } catch (failure) {
      if (!(failure instanceof CanhazgpuError)) throw failure
      return this.#stale(this.#lastGood, failure)
    }
  }

  #begin(): Promise<Probe> {
    const begunAt = this.#parts.clock()
    this.#lastBegunAt = begunAt
    const probe = this.#ask(begunAt)
    this.#running = { begunAt, probe }
    return probe
  }

  async #ask(begunAt: Millis): Promise<Probe> {
    const { provider, timeout, clock } = this.#parts
    // A provider that throws at once must not do so before `#running` is set.
    await Promise.resolve()
    try {
      const probe = await provider.probe(timeout)
      this.#lastGood = { probe, begunAt, took: clock() - begunAt }
      this.#note(undefined)
      return probe
    } catch (error) {
      if (error instanceof CanhazgpuError) this.#note(error)
      throw error
    } finally {
      this.#running = undefined
      const next = this.#next
      this.#next = undefined
      next?.resolve(this.#begin())
    }
  }

  #note(failure: CanhazgpuError | undefined): void {
    if (failure?.message !== this.#failure?.message) this.#parts.onFailure(failure)
    this.#failure = failure
  }

  /** Rejects when the driver has taken so long that a view shows the last good probe instead. */
  async #inTime(probe: Promise<Probe>, { running, usual }: Delay): Promise<Probe> {
    const { clock, pause } = this.#parts
    const waited = running === undefined ? 0 : clock() - running.begunAt
    const done = new AbortController()
    const patience = Math.max(0, Math.max(PATIENCE_MS, 3 * usual) - waited)
    const late = pause(patience, done.signal).then(() => {
      throw this.#failure ?? silent()
    })
    try {
      return await Promise.race([probe, late])
    } finally {
      done.abort()
    }
  }

  #stale({ probe, begunAt }: Good, failure: CanhazgpuError): Sample {
    return { probe, stale: { ageMs: this.#parts.clock() - begunAt, failure } }
  }
}

const silent = (): CanhazgpuError =>
  new CanhazgpuError('driver-unresponsive', 'The GPU driver does not answer', {
    hint: 'Ask the administrator to check the driver (dmesg).',
  })
