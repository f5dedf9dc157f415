import type { LockPatience } from '../../../ports/store.ts'
import { isBusy } from '../sqlite-errors.ts'

/**
 * Hundreds of concurrent processes finish within a second. No process should hold the lock for longer than this.
 */
const LONGEST_WAIT_MS = 30_000

/**
 * How long SQLite waits in one attempt. Signals and deadlines are checked in between. With 500 writers this is as fast
 * as one long wait; much shorter attempts are several times slower.
 */
const LONGEST_ATTEMPT_MS = 250

/**
 * Retries until the database is not locked. Each attempt lets SQLite wait for the given time, and throws SQLite's
 * error. Throws `store-busy` when the time is over, or the error of `patience`.
 */
export async function whenUnlocked<Result>(
  path: string,
  patience: LockPatience | undefined,
  attempt: (waitMs: number) => Result,
): Promise<Result> {
  // Nearly every first attempt succeeds, and not reading the clock saves time.
  let giveUpAt: number | undefined
  let waitMs = patience === undefined ? LONGEST_ATTEMPT_MS : attemptWithin(patience.left())
  for (;;) {
    try {
      return attempt(waitMs)
    } catch (cause) {
      if (!isBusy(cause)) throw cause
      giveUpAt ??= steadyMs() + LONGEST_WAIT_MS
      const left = Math.min(giveUpAt - steadyMs(), patience?.left() ?? LONGEST_WAIT_MS)
      if (left <= 0) throw await givenUp(path, patience, cause)
      waitMs = attemptWithin(left)
    }
    // Signal handlers run in a turn of the event loop.
    await Bun.sleep(1)
  }
}

const attemptWithin = (left: number): number => Math.min(LONGEST_ATTEMPT_MS, Math.max(0, Math.ceil(left)))

async function givenUp(path: string, patience: LockPatience | undefined, cause: unknown): Promise<Error> {
  const { busyError } = await import('./lock-holder.ts')
  const busy = await busyError(path, cause)
  return patience !== undefined && patience.left() <= 0 ? patience.error(busy) : busy
}

const steadyMs = (): number => Bun.nanoseconds() / 1e6
