import type { Mutant } from './list.ts'

const ENDING = 'src/domain/operation/ending.ts'

/** What is written of what ended. */
export const RECORD_MUTANTS: readonly Mutant[] = [
  {
    name: 'record-lost',
    defect: 'only the first GPU of a reservation gets a usage record',
    file: ENDING,
    edits: [['ended.push({', 'if (unit === unitsOf(reservation)[0]) ended.push({']],
  },
  {
    name: 'record-twice',
    defect: 'a release by number writes its records twice',
    file: ENDING,
    edits: [['reservations }, ended: records }', 'reservations }, ended: [...records, ...records] }']],
  },
  {
    name: 'reset-without-records',
    defect: 'a reset of the pool forgets who held what',
    file: 'src/domain/operation/set-up.ts',
    edits: [['...(reset?.ended ?? [])', '...(reset?.ended ?? []).slice(1)']],
  },
  {
    name: 'expired-is-released-now',
    defect: 'an expired reservation is recorded up to when somebody noticed',
    file: ENDING,
    edits: [["{ outcome: 'expired', at: term.expiresAt }", "{ outcome: 'expired', at: now }"]],
  },
  {
    name: 'heartbeat-revives',
    defect: 'a heartbeat brings an ended reservation back',
    file: 'src/domain/operation/heartbeat.ts',
    edits: [
      [
        "  if (held?.term.kind === 'run') {\n",
        "  if (held?.term.kind === 'run') {\n    remembered.set(id, held)\n",
      ],
      [
        '  if (!pool.queue.some((entry) => entry.id === id)) return { pool, answer: [] }',
        `  const again = remembered.get(id)
  if (held === undefined && again !== undefined) {
    return { pool: { ...pool, reservations: [...pool.reservations, again] }, answer: unitsOf(again) }
  }
  if (!pool.queue.some((entry) => entry.id === id)) return { pool, answer: [] }`,
      ],
      [
        '/** Never revives',
        'const remembered = new Map<string, Pool["reservations"][number]>()\n/** Never revives',
      ],
    ],
  },
  {
    name: 'report-counts-twice',
    defect: 'what ends while a report is made counts twice',
    file: 'src/app/usage/usage-history.ts',
    edits: [
      ['.filter((time) => !known.has(keyOf(time)))', '.filter((time) => known.size >= 0 || keyOf(time))'],
    ],
  },
  {
    name: 'report-counts-the-parts',
    defect: 'a reservation counts twice in the report when some of its GPUs were released before the others',
    file: 'src/app/usage/usage-report.ts',
    edits: [['recorded.records.map((record) => record.reservation)', '[]']],
  },
  {
    name: 'report-forgets-the-held',
    defect: 'the report leaves out the hours of a reservation of which a GPU was released',
    file: 'src/app/usage/usage-report.ts',
    edits: [
      [
        'unrecordedTimes(seen, recorded.records, processes)',
        'unrecordedTimes(seen, recorded.records, processes).filter(\n      (time) => !recorded.records.some((record) => record.reservation === time.reservation),\n    )',
      ],
    ],
  },
]
