import { currentMoment } from '../adapters/kernel/clock.ts'
import { currentProcess } from '../adapters/kernel/processes.ts'
import { waitedForLock } from '../app/waiting/wait-errors.ts'
import { acquireInQueue } from '../app/waiting/wait-in-queue.ts'
import type { Place, QueueWait } from '../cli/context.ts'
import { CanhazgpuError } from '../domain/errors.ts'
import type { Grant, Intent } from '../domain/operation/intent.ts'
import type { Refusal } from '../domain/operation/refusal.ts'
import type { ProcessIdentity } from '../domain/pool/model.ts'
import type { ProcessCheck } from '../domain/pool/process-check.ts'
import type { OpenedPool } from '../ports/opened-pool.ts'
import type { PoolService } from '../ports/pool-service.ts'
import type { LockPatience } from '../ports/store.ts'
import type { WaitingProcess } from './pool-access.ts'
import { openWaker } from './waker.ts'

export interface LocalWaitParts extends WaitingProcess {
  readonly openStore: (patience: LockPatience) => Promise<OpenedPool>
  readonly serve: (store: OpenedPool) => PoolService
  readonly processes: ProcessCheck
}

/**
 * Waits in the queue of the embedded pool. If the pool is moved into a daemon, this process becomes the installed
 * program, which waits there, even if this one had not joined the queue yet.
 */
export async function waitLocally(
  intent: Intent,
  wait: QueueWait,
  parts: LocalWaitParts,
): Promise<Grant | Refusal> {
  try {
    return await waitInPool(intent, wait, parts)
  } catch (error) {
    if (isStoreFailure(error) && (await parts.isMoved())) {
      wait.beforeSuccessor()
      const giveUpAt = wait.until === undefined ? {} : { giveUpAt: wait.until }
      await parts.becomeSuccessor({ entry: parts.place?.entry ?? intent.id, ...giveUpAt })
    }
    throw error
  }
}

const isStoreFailure = (error: unknown): boolean =>
  error instanceof CanhazgpuError &&
  ['store-too-new', 'store-unavailable', 'store-busy', 'permission-denied'].includes(error.code)

async function waitInPool(
  intent: Intent,
  { until, onProgress, beforeSuccessor }: QueueWait,
  { openStore, serve, processes, ignoredSignals, wasSignalled, place, becomeSuccessor }: LocalWaitParts,
): Promise<Grant | Refusal> {
  const clock = () => currentMoment().steady.ms
  const left = () => (until ?? Number.POSITIVE_INFINITY) - clock()
  const store = await openStore({ left, error: waitedForLock })
  const pool = serve(store)
  const process = currentProcess()
  const joined = { ...intent, id: (await entryOf(pool, process, place)) ?? intent.id }
  const waker = openWaker(store.calls(joined.id), {
    ignored: ignoredSignals,
    wasSignalled,
    commandFollows: intent.term.kind === 'run',
  })
  try {
    return await acquireInQueue(pool, joined, {
      ticket: { process, ...(until === undefined ? {} : { waitFor: left() }) },
      ...{ processes, waker, clock, onProgress },
      becomeSuccessor: (next) => {
        beforeSuccessor()
        return becomeSuccessor(next)
      },
    })
  } finally {
    waker.close()
  }
}

async function entryOf(
  service: PoolService,
  { pid, startTime, pidNamespace }: ProcessIdentity,
  place: Place | null,
): Promise<string | undefined> {
  if (place === null) return undefined
  const { pool } = await service.view('stored')
  // Anybody can type the id of an entry, so the entry must also name this process.
  const isOwn = (each: ProcessIdentity) =>
    each.pid === pid && each.startTime === startTime && each.pidNamespace === pidNamespace
  return pool.queue.find((each) => each.id === place.entry && isOwn(each.process))?.id
}
