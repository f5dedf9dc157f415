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
  readonly failure: Pick<CanhazgpuError, 'code' | 'message'> & Partial<Pick<CanhazgpuError, 'hint'>>
}

/** The staleness of a sample that was taken at `now`; undefined if the sample is not stale. */
export function stalenessOf({ stale }: Sample, now: Millis): StaleReadings | undefined {
  return stale === undefined ? undefined : { since: now - stale.ageMs, failure: stale.failure }
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
