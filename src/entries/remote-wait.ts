import { currentMoment } from '../adapters/kernel/clock.ts'
import type { DaemonPool } from '../app/remote/daemon-pool.ts'
import { waitAtDaemon } from '../app/remote/wait-at-daemon.ts'
import type { QueueWait } from '../cli/context.ts'
import type { Grant, Intent } from '../domain/operation/intent.ts'
import type { Refusal } from '../domain/operation/refusal.ts'
import type { Calls } from '../ports/wakeups.ts'
import type { WaitingProcess } from './pool-access.ts'
import { openWaker } from './waker.ts'

/** How often a waiter without a connection checks whether the pool was moved. */
const CHECK_EVERY_MS = 1_000

/** Waits in the queue of the daemon. */
export async function waitRemotely(
  pool: DaemonPool,
  asked: Intent,
  { until, onProgress, onAway, beforeSuccessor }: QueueWait,
  { ignoredSignals, wasSignalled, place, isMoved, becomeSuccessor }: WaitingProcess,
): Promise<Grant | Refusal> {
  const intent = { ...asked, id: place?.entry ?? asked.id }
  const clock = () => currentMoment().steady.ms
  let lookAt = clock() + CHECK_EVERY_MS
  const waker = openWaker(noCalls(), {
    ignored: ignoredSignals,
    wasSignalled,
    commandFollows: intent.term.kind === 'run',
  })
  try {
    return await waitAtDaemon(pool, intent, {
      ...{ waker, onProgress, onAway, isQueued: place !== null },
      ...(until === undefined ? {} : { waitFor: until - clock() }),
      followMove: async () => {
        if (clock() < lookAt) return
        lookAt = clock() + CHECK_EVERY_MS
        if (!(await isMoved()) || (await waker.wasInterrupted())) return
        beforeSuccessor()
        await becomeSuccessor({ entry: intent.id, ...(until === undefined ? {} : { giveUpAt: until }) })
      },
    })
  } finally {
    waker.close()
  }
}

/** The daemon answers a waiter itself, so only signals wake it. */
function noCalls(): Calls {
  const { promise, resolve } = Promise.withResolvers<'closed'>()
  return { listen: () => {}, next: () => promise, close: () => resolve('closed') }
}
