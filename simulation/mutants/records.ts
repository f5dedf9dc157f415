import type { Reservation } from '../../src/domain/pool/model.ts'
import type { Mutant } from './list.ts'
import { at } from './seams.ts'

/** What the history shows of reservations that ended. */
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
    defect: 'a release by number writes its records twice',
    plants: [
      at('src/domain/operation/ending.ts#releaseUnits', (releaseUnits) => (pool, units, now, actor) => {
        const after = releaseUnits(pool, units, now, actor)
        return { ...after, ended: [...after.ended, ...after.ended] }
      }),
    ],
  },
  {
    name: 'reset-without-records',
    defect: 'a reset of the pool forgets who held which GPU',
    plants: [
      at('src/domain/operation/set-up.ts#setUp', (setUp) => (present, operation, context) => {
        const done = setUp(present, operation, context)
        return { ...done, records: (done.records ?? []).filter(({ outcome }) => outcome !== 'reset') }
      }),
    ],
  },
  {
    name: 'expired-is-released-now',
    defect: 'the record of an expired reservation goes up to the time when it was noticed',
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
      at('src/domain/operation/heartbeat.ts#beat', (beat) => {
        // The ids of one simulated world come again in the next, the objects do not.
        const ofWorlds = new WeakMap<object, Map<string, Reservation>>()
        return (pool, operation, context) => {
          const { id } = operation
          const world = pool.units[0]?.device ?? pool
          const remembered = ofWorlds.get(world) ?? new Map<string, Reservation>()
          ofWorlds.set(world, remembered)
          for (const held of pool.reservations) remembered.set(held.id, held)
          const again = remembered.get(id)
          if (again !== undefined && !pool.reservations.includes(again)) {
            const reservations = [...pool.reservations, again]
            return { pool: { ...pool, reservations }, answer: again.holdings.map(({ unit }) => unit) }
          }
          return beat(pool, operation, context)
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
        (unrecordedTimes) => (seen, _recorded, processes) => unrecordedTimes(seen, [], processes),
      ),
    ],
  },
  {
    name: 'report-counts-the-parts',
    defect: 'a reservation counts twice in the report if some of its GPUs were released before the others',
    plants: [at('src/domain/ledger/report.ts#tallied', (tallied) => (times, range) => tallied(times, range))],
  },
  {
    name: 'report-forgets-the-held',
    defect: 'the report leaves out the hours of a reservation of which a GPU was released',
    plants: [
      at(
        'src/app/usage/usage-history.ts#unrecordedTimes',
        (unrecordedTimes) => (seen, recorded, processes) =>
          unrecordedTimes(seen, recorded, processes).filter(({ reservation }) =>
            recorded.every((record) => record.reservation !== reservation),
          ),
      ),
    ],
  },
]
