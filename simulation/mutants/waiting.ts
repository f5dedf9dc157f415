import type { AliveCheck } from '../../src/domain/pool/process-check.ts'
import type { Mutant } from './list.ts'
import { at } from './seams.ts'

const ACQUIRE_IN_QUEUE = 'src/app/waiting/wait-in-queue.ts#acquireInQueue'

/** Defects in what a waiter notices while it waits. */
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
      // The heartbeat of a waiter settles the pool, which would reveal the end soon.
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
    defect: 'no waiter behind a frozen one notices a change without a commit, such as a killed command',
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
    defect: 'a waiter that is called when it is not its turn does not notice a change',
    isRare: true,
    plants: [
      at(ACQUIRE_IN_QUEUE, (acquireInQueue) => (service, intent, waiting) => {
        const { waker } = waiting
        const wait: typeof waker.wait = async (ms) => {
          const event = await waker.wait(ms)
          if (event !== 'called') return event
          return (await service.view('turns')).includes(intent.id) ? 'called' : 'timeout'
        }
        const withoutCalls: typeof waker = {
          wait,
          listen: () => waker.listen(),
          interruption: waker.interruption,
          wasInterrupted: () => waker.wasInterrupted(),
        }
        return acquireInQueue(service, intent, { ...waiting, waker: withoutCalls })
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
    defect: 'the first waiter does not probe again to see whether unreserved use has ended',
    isRare: true,
    plants: [at('src/app/waiting/queue-watch.ts#readAgainAfter', () => () => Number.POSITIVE_INFINITY)],
  },
]

const unseenLives =
  (alive: AliveCheck): AliveCheck =>
  (process) =>
    alive(process) === 'gone' ? 'gone' : 'alive'
