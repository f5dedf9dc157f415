import { currentMoment } from '../adapters/kernel/clock.ts'
import type { DaemonPool } from '../app/remote/daemon-pool.ts'
import { waitAtDaemon } from '../app/remote/wait-at-daemon.ts'
import type { QueueWait } from '../cli/context.ts'
import type { Grant, Intent } from '../domain/operation/intent.ts'
import type { Refusal } from '../domain/operation/refusal.ts'
import type { Calls } from '../ports/wakeups.ts'
import type { WaitingProcess } from './pool-access.ts'
import { openWaker } from './waker.ts'

/** Waits in the queue of the daemon. */
export async function waitRemotely(
  pool: DaemonPool,
  intent: Intent,
  { until, onProgress, ignoredSignals }: QueueWait & Pick<WaitingProcess, 'ignoredSignals'>,
): Promise<Grant | Refusal> {
  const waker = openWaker(noCalls(), {
    ignored: ignoredSignals,
    commandFollows: intent.term.kind === 'run',
  })
  try {
    const wait = until === undefined ? {} : { waitFor: until - currentMoment().steady.ms }
    return await waitAtDaemon(pool, intent, { waker, onProgress, ...wait })
  } finally {
    waker.close()
  }
}

/** The daemon answers a waiter itself, so only signals wake it. */
function noCalls(): Calls {
  const { promise, resolve } = Promise.withResolvers<'closed'>()
  return { listen: () => {}, next: () => promise, close: () => resolve('closed') }
}
