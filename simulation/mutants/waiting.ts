import type { AliveCheck } from '../../src/domain/pool/process-check.ts'
import type { Mutant } from './list.ts'
import { at } from './seams.ts'

const ACQUIRE_IN_QUEUE = 'src/app/waiting/wait-in-queue.ts#acquireInQueue'

/** What a waiter watches while it waits. */
export const WAITING_MUTANTS: readonly Mutant[] = [
  {
    name: 'stopped-unwatched',
    defect: 'no waiter sees that a waiter before it is stopped',
    isRare: true,
    plants: [
      at(ACQUIRE_IN_QUEUE, (acquireInQueue) => (service, intent, waiting) => {
        const { alive } = waiting.processes
        return acquireInQueue(service, intent, { ...waiting, processes: { alive, stopped: () => false } })
      }),
    ],
  },
  {
    name: 'vanishing-unwatched',
    defect: 'no waiter sees that a command was killed',
    plants: [at('src/app/waiting/queue-watch.ts#isSomeRunGone', () => () => false)],
  },
  {
    name: 'stale-heartbeat-unwatched',
    defect: 'no waiter sees that a command in another container ended long ago',
    isRare: true,
    plants: [
      at(
        'src/app/waiting/queue-watch.ts#isSomeRunGone',
        (isSomeRunGone) => (pool, now, alive) => isSomeRunGone(pool, now, unseenLives(alive)),
      ),
      // The heartbeat of a waiter settles the pool and would find it soon.
      at(
        'src/domain/operation/ending.ts#settle',
        (settle) =>
          (pool, moment, { alive, stopped }, report) =>
            settle(
              pool,
              moment,
              { alive: report?.is === 'alive' ? unseenLives(alive) : alive, stopped },
              report,
            ),
      ),
    ],
  },
  {
    name: 'first-alone-watches',
    defect: 'no waiter behind a frozen one acts on what is due, such as a command that was killed',
    isRare: true,
    plants: [
      at(
        'src/app/waiting/queue-watch.ts#standInAfter',
        () => (pool, id) => (pool.queue[0]?.id === id ? 0 : Number.POSITIVE_INFINITY),
      ),
    ],
  },
  {
    name: 'call-hides-a-change',
    defect: 'a waiter that is called out of turn does not notice what changed',
    isRare: true,
    plants: [
      at(ACQUIRE_IN_QUEUE, (acquireInQueue) => (service, intent, waiting) => {
        const { waker } = waiting
        const wait: typeof waker.wait = async (ms) => {
          const event = await waker.wait(ms)
          if (event !== 'called') return event
          return (await service.view('turns')).includes(intent.id) ? 'called' : 'timeout'
        }
        const deaf: typeof waker = {
          wait,
          listen: () => waker.listen(),
          isInterrupted: () => waker.isInterrupted(),
          wasInterrupted: () => waker.wasInterrupted(),
        }
        return acquireInQueue(service, intent, { ...waiting, waker: deaf })
      }),
    ],
  },
  {
    name: 'expiry-unwatched',
    defect: 'no waiter sees that a manual reservation expired',
    plants: [at('src/app/waiting/queue-watch.ts#nextExpiry', () => () => Number.POSITIVE_INFINITY)],
  },
  {
    name: 'squatter-unwatched',
    defect: 'the first in the queue never looks again whether a squatter has left',
    isRare: true,
    plants: [at('src/app/waiting/queue-watch.ts#readAgainAfter', () => () => Number.POSITIVE_INFINITY)],
  },
]

const unseenLives =
  (alive: AliveCheck): AliveCheck =>
  (process) =>
    alive(process) === 'gone' ? 'gone' : 'alive'
