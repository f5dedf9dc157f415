import type { Reservation } from '../../src/domain/pool/model.ts'
import type { Mutant } from './list.ts'
import { at } from './seams.ts'

/** Defects in the history and the report. */
export const RECORD_MUTANTS: readonly Mutant[] = [
  {
    name: 'record-lost',
    defect: 'only the first GPU of a reservation gets a usage record',
    plants: [
      at('src/domain/operation/ending.ts#endWhere', (endWhere) => (pool, endFor) => {
        const after = endWhere(pool, endFor)
        const isFirst = ({ reservation }: (typeof after.ended)[number], place: number) =>
          after.ended[place - 1]?.reservation !== reservation
        return { ...after, ended: after.ended.filter(isFirst) }
      }),
    ],
  },
  {
    name: 'record-twice',
    defect: 'a release by id writes its records twice',
    plants: [
      at('src/domain/operation/ending.ts#releaseUnits', (releaseUnits) => (pool, units, now, actor) => {
        const after = releaseUnits(pool, units, now, actor)
        return { ...after, ended: [...after.ended, ...after.ended] }
      }),
    ],
  },
  {
    name: 'reset-without-records',
    defect: 'a reset of the pool writes no usage records',
    plants: [
      at('src/domain/operation/set-up.ts#setUp', (setUp) => (present, operation, context) => {
        const done = setUp(present, operation, context)
        return { ...done, records: (done.records ?? []).filter(({ outcome }) => outcome !== 'reset') }
      }),
    ],
  },
  {
    name: 'expired-is-released-now',
    defect: 'the record of an expired reservation ends when the expiry is noticed',
    plants: [
      at('src/domain/operation/ending.ts#settle', (settle) => (pool, moment, processes, report) => {
        const settled = settle(pool, moment, processes, report)
        const ended = settled.ended.map((record) =>
          record.outcome === 'expired' ? { ...record, endedAt: moment.wall } : record,
        )
        return { ...settled, ended }
      }),
    ],
  },
  {
    name: 'heartbeat-revives',
    defect: 'a heartbeat brings an ended reservation back',
    isRare: true,
    plants: [
      at('src/domain/operation/heartbeat.ts#recordHeartbeat', (recordHeartbeat) => {
        // Ids are the same in the next simulated system, objects are not.
        const bySystem = new WeakMap<object, Map<string, Reservation>>()
        return (pool, operation, context) => {
          const { id } = operation
          const system = pool.units[0]?.device ?? pool
          const remembered = bySystem.get(system) ?? new Map<string, Reservation>()
          bySystem.set(system, remembered)
          for (const held of pool.reservations) remembered.set(held.id, held)
          const again = remembered.get(id)
          if (again !== undefined && !pool.reservations.includes(again)) {
            const reservations = [...pool.reservations, again]
            return { pool: { ...pool, reservations }, answer: again.holdings.map(({ unit }) => unit) }
          }
          return recordHeartbeat(pool, operation, context)
        }
      }),
    ],
  },
  {
    name: 'report-counts-twice',
    defect: 'a reservation that ends while a report is made counts twice',
    isRare: true,
    plants: [
      at(
        'src/app/usage/usage-history.ts#unrecordedTimes',
        (unrecordedTimes) => (timedPool, _recorded, processes) => unrecordedTimes(timedPool, [], processes),
      ),
    ],
  },
  {
    name: 'report-counts-the-parts',
    defect: 'a reservation counts twice in the report if its GPUs are released at different times',
    plants: [at('src/domain/ledger/report.ts#tallied', (tallied) => (times, range) => tallied(times, range))],
  },
  {
    name: 'report-forgets-the-held',
    defect: 'the report leaves out the hours of a reservation if one of its GPUs was released',
    plants: [
      at(
        'src/app/usage/usage-history.ts#unrecordedTimes',
        (unrecordedTimes) => (timedPool, recorded, processes) =>
          unrecordedTimes(timedPool, recorded, processes).filter(({ reservation }) =>
            recorded.every((record) => record.reservation !== reservation),
          ),
      ),
    ],
  },
]
