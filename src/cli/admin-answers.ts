import type { PoolCreated, StoredPlace } from '../app/set-up.ts'
import { CanhazgpuError } from '../domain/errors.ts'
import type { Pool } from '../domain/model.ts'
import type { Checkup } from '../domain/soundness.ts'
import { printable } from '../domain/text.ts'
import { poolThreshold } from '../domain/threshold.ts'
import type { Printed } from './command.ts'

/** What `admin` did or found. */
export type AdminAnswer =
  | PoolCreated
  | ({ readonly kind: 'checked' } & Checkup)
  | { readonly kind: 'shown'; readonly pool: Pool; readonly place: StoredPlace }
  | { readonly kind: 'threshold-set'; readonly thresholdMb: number }

export function adminText(answer: AdminAnswer): Printed {
  switch (answer.kind) {
    case 'initialized':
    case 'reinitialized':
      return createdText(answer)
    case 'checked':
      return checkupText(answer)
    case 'shown':
      return { stdout: settingsText(answer.pool, answer.place) }
    case 'threshold-set':
      return { stdout: `Memory threshold: ${answer.thresholdMb} MB\n` }
  }
}

export function adminDocument(answer: AdminAnswer): unknown {
  switch (answer.kind) {
    case 'initialized':
    case 'reinitialized': {
      const { kind, gpuCount, damaged } = answer
      return {
        result: kind,
        gpus: gpuCount,
        ...(damaged === undefined ? {} : { damaged: { kept_as: damaged.keptAs, records: damaged.records } }),
      }
    }
    case 'checked':
      return checkupDocument(answer)
    case 'shown':
      return settingsDocument(answer.pool, answer.place)
    case 'threshold-set':
      return { memory_threshold_mb: answer.thresholdMb }
  }
}

export function adminFailure(answer: AdminAnswer): CanhazgpuError | undefined {
  if (answer.kind !== 'checked' || answer.problems.length === 0) return undefined
  const { path, problems } = answer
  const code = problems.some(({ kind }) => kind === 'damage') ? 'store-corrupt' : 'store-unavailable'
  return new CanhazgpuError(code, `The pool ${path} is not sound: ${counted(problems.length, 'problem')}`)
}

function createdText({ kind, gpuCount: count, damaged }: PoolCreated): Printed {
  const verb = kind === 'initialized' ? 'Initialized' : 'Reinitialized'
  const stdout = `${verb} ${count} GPUs (IDs 0 to ${count - 1})\n`
  if (damaged === undefined) return { stdout }
  const records = counted(damaged.records, 'usage record')
  return { stdout, stderr: `The damaged pool is kept as ${damaged.keptAs}; ${records} taken over\n` }
}

function checkupText({ path, problems, counts }: Checkup): Printed {
  if (problems.length > 0) {
    return { stdout: problems.map(({ what, cure }) => `${printable(what)} - ${cure}\n`).join('') }
  }
  const { gpus = 0, reservations = 0, waiting = 0, records = 0 } = counts ?? {}
  const contents = [
    counted(gpus, 'GPU'),
    counted(reservations, 'reservation'),
    `${waiting} waiting`,
    counted(records, 'usage record'),
  ]
  return { stdout: `The pool ${path} is sound: ${contents.join(', ')}\n` }
}

const checkupDocument = ({ path, problems, counts }: Checkup) => ({
  sound: problems.length === 0,
  path,
  ...counts,
  problems,
})

function settingsText(pool: Pool, { path, group }: StoredPlace): string {
  const lines = [
    ['Pool', path],
    ['Host', pool.host],
    ['GPUs', String(pool.gpus.length)],
    ['Provider', pool.provider],
    ['Allocation', pool.settings.allocation],
    ['Memory threshold', `${poolThreshold(pool)} MB`],
    ['Group', group ?? 'every user'],
  ] as const
  return lines.map(([name, value]) => `${name}: ${printable(value)}\n`).join('')
}

const settingsDocument = (pool: Pool, { path, group }: StoredPlace) => ({
  path,
  host: pool.host,
  gpus: pool.gpus.length,
  provider: pool.provider,
  allocation: pool.settings.allocation,
  memory_threshold_mb: poolThreshold(pool),
  group,
})

const counted = (count: number, what: string): string => `${count} ${what}${count === 1 ? '' : 's'}`
