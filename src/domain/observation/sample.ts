import type { CanhazgpuError } from '../errors.ts'
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
  /** Why there is no newer probe. */
  readonly failure: CanhazgpuError
}

/** The staleness of a sample that was taken at `now`; undefined if the sample is not stale. */
export function stalenessOf({ stale }: Sample, now: Millis): StaleReadings | undefined {
  return stale === undefined ? undefined : { since: now - stale.ageMs, failure: stale.failure }
}
