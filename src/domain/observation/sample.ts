import type { CanhazgpuError, ErrorCode } from '../errors.ts'
import type { Millis, Probe } from '../pool/model.ts'

/** A probe that succeeded, and why it is old if later ones did not. */
export interface Sample {
  readonly probe: Probe
  readonly stale?: {
    /** Time since the probe began. */
    readonly ageMs: Millis
    /** Why there is no newer probe. */
    readonly failure: CanhazgpuError
  }
}

/** Readings that are shown although they are old, because the driver does not answer. Nothing is granted on them. */
export interface StaleReadings {
  /** Wall time of the last good probe. */
  readonly since: Millis
  /** Why there is no newer probe. A plain value, so that it can be sent to another process. */
  readonly failure: { readonly code: ErrorCode; readonly message: string; readonly hint?: string }
}

/** The staleness of a sample that was taken at `now`; undefined if the sample is not stale. */
export function stalenessOf({ stale }: Sample, now: Millis): StaleReadings | undefined {
  if (stale === undefined) return undefined
  const { code, message, hint } = stale.failure
  const failure = { code, message, ...(hint === undefined ? {} : { hint }) }
  return { since: now - stale.ageMs, failure }
}

/** How often the driver is probed while somebody waits for GPUs or watches them, and otherwise. */
const SAMPLE_WANTED_EVERY_MS: Millis = 2_000
const SAMPLE_EVERY_MS: Millis = 10_000

/** The time until the next regular probe; zero or less if it is due. Times are steady. */
export function untilNextSample({ lastBegunAt, now, isWanted }: SampleTimes): Millis {
  return lastBegunAt + (isWanted ? SAMPLE_WANTED_EVERY_MS : SAMPLE_EVERY_MS) - now
}

interface SampleTimes {
  /** When the last probe began; minus infinity if there was none. */
  readonly lastBegunAt: Millis
  readonly now: Millis
  readonly isWanted: boolean
}
