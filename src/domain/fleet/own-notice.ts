import type { Millis, Moment, Pool } from '../pool/model.ts'
import { isSilent, REPEATED_EVERY_MS } from './snapshot.ts'

/** What is known about the notice of this host. */
export interface OwnNotice {
  /** The age of what the board has; undefined if it has nothing. */
  readonly age: Millis | undefined
  /** The time since the last commit of this host. */
  readonly sinceCommit: Millis
  /** Whether a daemon publishes this host. Else its commands do. */
  readonly isServed: boolean
}

/** A commit is published within half a second, but processors can be busy. */
const PUBLISHED_WITHIN_MS: Millis = 5_000

/**
 * How others see this host: not at all (`missing`), as it was before its last change or without the signs that its
 * daemon gives (`behind`), or as it is. `quiet`: nothing has published it for longer than a daemon would need.
 */
export function ownNotice({
  age,
  sinceCommit,
  isServed,
}: OwnNotice): 'missing' | 'behind' | 'quiet' | 'current' {
  if (age === undefined) return 'missing'
  const hasChanged = age > sinceCommit && sinceCommit > PUBLISHED_WITHIN_MS
  if (hasChanged || (isServed && isSilent(age, REPEATED_EVERY_MS / 1000))) return 'behind'
  return age > REPEATED_EVERY_MS ? 'quiet' : 'current'
}

/** The time since the pool was last written. Before a reboot it was so long ago that it is published. */
export function sinceCommit({ writtenAt }: Pick<Pool, 'writtenAt'>, { steady }: Moment): Millis {
  const then = writtenAt.steady
  return then.epoch === steady.epoch ? steady.ms - then.ms : Number.POSITIVE_INFINITY
}
