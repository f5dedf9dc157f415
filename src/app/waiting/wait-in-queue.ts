import type { Grant, Intent } from '../../domain/operation/intent.ts'
import { isRefusal, type Refusal } from '../../domain/operation/refusal.ts'
import type { Millis } from '../../domain/pool/model.ts'
import type { PoolService } from '../../ports/pool-service.ts'
import { interrupted } from './wait-errors.ts'
import { WaitLoop } from './wait-loop.ts'
import type { Waiting } from './waiting.ts'

/** How long a waiter that gives up waits for the store's lock. */
const LEAVE_WITHIN_MS: Millis = 250

/**
 * Waits in the queue until the GPUs are granted, or the request is refused. Before it returns a refusal, such as
 * `timed-out`, or throws, such as `interrupted`, it leaves the queue.
 */
export async function acquireInQueue(
  service: PoolService,
  intent: Intent,
  waiting: Waiting,
): Promise<Grant | Refusal> {
  const { waker, clock, becomeSuccessor } = waiting
  const loop = new WaitLoop(service, intent, waiting)
  let leaving = () => leavingSoon(service, clock)
  const leave = () => leaving().perform({ op: 'leave', id: intent.id })
  try {
    const answer = await loop.run()
    if (isRefusal(answer)) {
      await leave().catch(() => {})
      return answer
    }
    // After a grant the reservation must be released, however long another process holds the lock.
    leaving = () => service
    if (await waker.wasInterrupted()) throw interrupted()
    return answer
  } catch (error) {
    if (loop.isOutdated(error)) {
      if (await waker.wasInterrupted()) throw interrupted()
      await becomeSuccessor?.({ entry: intent.id, giveUpAt: loop.giveUpAt })
    }
    // If the store fails or stays locked, the entry is dropped when this process is gone.
    await leave().catch(() => {})
    throw error
  }
}

function leavingSoon(service: PoolService, clock: () => Millis): PoolService {
  const giveUpAt = clock() + LEAVE_WITHIN_MS
  return service.bounded({ left: () => giveUpAt - clock(), error: (busy) => busy })
}
