import { CanhazgpuError } from '../../domain/errors.ts'
import type { StaleReadings } from '../../domain/observation/sample.ts'
import type { Millis } from '../../domain/pool/model.ts'
import { formatDuration } from '../../domain/text/duration.ts'

/** The failure of a command that shows stale readings. */
export function staleFailure({ since, failure }: StaleReadings, now: Millis): CanhazgpuError {
  const age = formatDuration(now - since)
  return new CanhazgpuError(
    failure.code,
    `${failure.message} - the readings are ${age} old, and nothing is granted until it answers`,
    failure.hint === undefined ? {} : { hint: failure.hint },
  )
}
