import { demandOf } from '../../src/domain/schedule/demand.ts'
import type { Mutant } from './list.ts'
import { at } from './seams.ts'

/** Defects in the order in which requests start. */
export const ORDER_MUTANTS: readonly Mutant[] = [
  {
    name: 'newcomer-overtakes',
    defect: 'a request without a place in the queue overtakes all waiters',
    plants: [
      at('src/domain/schedule/startable.ts#openingsFor', (openingsFor) => (pool, id, conditions) => {
        const isNew = pool.queue.every((entry) => entry.id !== id)
        return openingsFor(isNew ? { ...pool, queue: [] } : pool, id, conditions)
      }),
    ],
  },
  {
    name: 'backfill-ignores-the-end',
    defect: 'GPUs that are kept for a waiter are granted to others without limit',
    plants: [
      at(
        'src/domain/schedule/openings.ts#Openings',
        (Openings) =>
          class extends Openings {
            override plan(demand: Demand) {
              return this.fits(demand) ? super.plan(demand) : null
            }
          },
      ),
    ],
  },
  {
    name: 'backfill-ignores-the-duration',
    defect: 'GPUs that are kept for a waiter are granted to any request with a duration',
    plants: [
      at(
        'src/domain/schedule/openings.ts#Openings',
        (Openings) =>
          class extends Openings {
            override fits(demand: Demand) {
              return super.fits(brief(demand))
            }
            override choices(demand: Demand) {
              return super.choices(brief(demand))
            }
          },
      ),
    ],
  },
  {
    name: 'backfill-by-the-last-end',
    defect: 'a waiter is expected to start when the last reservation ends',
    plants: [
      at(
        'src/domain/schedule/calendar.ts#Calendar',
        (Calendar) =>
          class extends Calendar {
            override earliestStart(demand: Demand) {
              if (demand.request.kind === 'ids') return super.earliestStart(demand)
              const count = this.units.length
              return super.earliestStart({ ...demand, request: { kind: 'count', count } })
            }
          },
      ),
    ],
  },
  {
    name: 'passed-over-never',
    defect: 'a frozen waiter blocks the queue for ever',
    plants: [at('src/domain/schedule/startable.ts#isPassedOver', () => () => false)],
  },
  {
    name: 'passed-over-for-ever',
    defect: 'a waiter that was passed over once is always passed over',
    isRare: true,
    plants: [at('src/domain/schedule/unresponsive.ts#clearUnresponsive', () => (pool) => pool)],
  },
  {
    name: 'passed-over-at-once',
    defect: 'a waiter is passed over as soon as it could start',
    plants: [
      at(
        'src/domain/schedule/startable.ts#isPassedOver',
        () => (entry, now) => entry.startableSince !== undefined && entry.startableSince <= now,
      ),
    ],
  },
  {
    name: 'passed-over-loses-its-place',
    defect: 'a frozen waiter is removed from the queue',
    plants: [
      at('src/domain/operation/ending.ts#settle', (settle) => (pool, moment, processes, report) => {
        const queue = pool.queue.filter(
          ({ startableSince = moment.wall }) => moment.wall - startableSince <= 10_000,
        )
        const isSame = queue.length === pool.queue.length
        return settle(isSame ? pool : { ...pool, queue }, moment, processes, report)
      }),
    ],
  },
  {
    name: 'stopped-holds-up-the-queue',
    defect: 'later requests wait for a stopped waiter',
    plants: [
      at(
        'src/domain/schedule/startable.ts#isWaitedFor',
        (isWaitedFor) =>
          (entry, { now }) =>
            isWaitedFor(entry, { now, stopped: () => false }),
      ),
    ],
  },
  {
    name: 'stopped-keeps-its-gpus',
    defect: 'GPUs are kept for a stopped waiter that could not start now',
    plants: [
      at('src/domain/schedule/startable.ts#openingsFor', (openingsFor) => (pool, id, conditions) => {
        const couldStart = (process: (typeof pool.queue)[number]['process']) =>
          pool.queue.some(
            (entry) =>
              entry.process === process &&
              openingsFor(pool, entry.id, conditions).fits(demandOf(entry, pool.policy)),
          )
        const stopped: typeof conditions.stopped = (process) =>
          conditions.stopped(process) && couldStart(process)
        return openingsFor(pool, id, { ...conditions, stopped })
      }),
    ],
  },
  {
    name: 'stopped-for-ever',
    defect: 'a waiter that was stopped once counts as stopped after it continued',
    plants: [
      at('simulation/system/kernel.ts#isSeenStopped', (isSeenStopped) => (machine, identity, namespace) => {
        const process = machine.processes.get(identity.pid)
        const isSame = process?.identity.startTime === identity.startTime
        const wasSeen =
          identity.pidNamespace === namespace && isSame && process.wasStopped && !process.isFrozen
        return wasSeen || isSeenStopped(machine, identity, namespace)
      }),
    ],
  },
  {
    name: 'unusable-holds-up-the-queue',
    defect: 'usable GPUs are kept for a request that also needs unusable ones',
    plants: [
      at(
        'src/domain/schedule/calendar.ts#Calendar',
        (Calendar) =>
          class extends Calendar {
            override canEverStart() {
              return true
            }
          },
      ),
    ],
  },
  {
    name: 'given-back-is-unusable',
    defect: 'the first waiter loses its turn because a released GPU still shows memory in use',
    plants: [at('src/domain/schedule/conditions.ts#isJustReleased', () => () => false)],
  },
  {
    name: 'joins-in-front',
    defect: 'a new waiter goes to the front of the queue',
    plants: [
      at('src/domain/operation/acquisition.ts#addToQueue', (addToQueue) => (pool, intent, ticket, now) => {
        const joined = addToQueue(pool, intent, ticket, now)
        if ('refused' in joined) return joined
        const isNew = joined.queue.length > pool.queue.length
        return isNew ? { ...joined, queue: [...joined.queue.slice(-1), ...pool.queue] } : joined
      }),
    ],
  },
  {
    name: 'extension-breaks-promises',
    defect: 'a reservation can be extended although others wait for its end',
    plants: [at('src/domain/schedule/promises.ts#keepsPromises', () => () => true)],
  },
]

type Demand = ReturnType<typeof demandOf>

const brief = (demand: Demand): Demand =>
  demand.duration === undefined ? demand : { ...demand, duration: 0 }
