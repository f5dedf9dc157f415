import { connectToDaemon } from '../adapters/daemon/connect.ts'
import { currentMoment } from '../adapters/kernel/clock.ts'
import type { Administration } from '../app/administration.ts'
import { DaemonPool } from '../app/remote/daemon-pool.ts'
import { RemoteAdministration } from '../app/remote/remote-administration.ts'
import { waitAtDaemon } from '../app/remote/wait-at-daemon.ts'
import type { QueueWait } from '../cli/context.ts'
import type { Grant, Intent } from '../domain/operation/intent.ts'
import type { Refusal } from '../domain/operation/refusal.ts'
import type { Calls } from '../ports/wakeups.ts'
import { openWaker } from './waker.ts'

/** Connects to the daemon at the socket when it is first used. */
export function daemonPool(socket: string, threshold: number | null): DaemonPool {
  return new DaemonPool({
    ...{ socket, threshold, connect: () => connectToDaemon(socket) },
    clock: () => currentMoment().steady.ms,
  })
}

/** Waits in the queue of the daemon. */
export async function waitRemotely(
  pool: DaemonPool,
  intent: Intent,
  { until, onProgress, ignoredSignals }: QueueWait & { readonly ignoredSignals: bigint },
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

export function remoteAdministration(pool: DaemonPool): Administration {
  return new RemoteAdministration(pool)
}
