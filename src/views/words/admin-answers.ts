import type { DriverCheck } from '../../app/compare-driver.ts'
import type { PoolCreated, StoredPlace } from '../../app/set-up.ts'
import { CanhazgpuError, type ErrorCode } from '../../domain/errors.ts'
import { shownName } from '../../domain/ledger/shown-names.ts'
import { poolThreshold } from '../../domain/observation/threshold.ts'
import type { Pool, Unit } from '../../domain/pool/model.ts'
import type { Checkup, Problem } from '../../domain/pool/soundness.ts'
import { printable } from '../../domain/text/text.ts'
import { type Found, guideFailure, guideText } from './admin-guide.ts'
import { spanWords } from './booking-answers.ts'
import { counted } from './counted.ts'
import { differenceProblem } from './differences.ts'
import { type ImportedPool, importedText } from './import-answers.ts'
import type { Printed } from './printed.ts'

/** The result of `admin`. */
export type AdminAnswer =
  | PoolCreated
  | ImportedPool
  | Checked
  | { readonly kind: 'refreshed'; readonly units: readonly Unit[] }
  | { readonly kind: 'shown'; readonly pool: Pool; readonly place: StoredPlace }
  | { readonly kind: 'threshold-set'; readonly thresholdMb: number }
  | { readonly kind: 'backed-up'; readonly path: string }
  | { readonly kind: 'guide'; readonly found: Found }

export type Checked = { readonly kind: 'checked'; readonly driver?: DriverCheck } & Checkup

export function adminText(answer: AdminAnswer): Printed {
  switch (answer.kind) {
    case 'initialized':
    case 'reinitialized':
      return createdText(answer)
    case 'imported':
      return importText(answer)
    case 'checked':
      return checkupText(answer)
    case 'refreshed':
      return { stdout: refreshedText(answer.units) }
    case 'shown':
      return { stdout: settingsText(answer.pool, answer.place) }
    case 'threshold-set':
      return { stdout: `Memory threshold: ${answer.thresholdMb} MB\n` }
    case 'backed-up':
      return { stdout: `Wrote ${printable(answer.path)}\n` }
    case 'guide':
      return { stderr: guideText(answer.found) }
  }
}

export function adminFailure(answer: AdminAnswer): CanhazgpuError | undefined {
  if (answer.kind === 'guide') return guideFailure(answer.found)
  if (answer.kind !== 'checked') return undefined
  const problems = problemsOf(answer)
  if (problems.length === 0) return undefined
  return new CanhazgpuError(
    codeFor(problems.map(({ kind }) => kind)),
    `The pool ${answer.path} is not sound: ${counted(problems.length, 'problem')}`,
  )
}

function codeFor(kinds: readonly Problem['kind'][]): ErrorCode {
  if (kinds.includes('damage')) return 'store-corrupt'
  return kinds.every((kind) => kind === 'device') ? 'driver-failed' : 'store-unavailable'
}

const problemsOf = ({ problems, driver }: Checked): readonly Problem[] => [
  ...problems,
  ...(driver?.kind === 'compared' ? driver.differences.map(differenceProblem) : []),
]

function createdText({
  kind,
  gpuCount: count,
  damaged,
  lost = [],
}: PoolCreated): Printed & { readonly stdout: string } {
  const verb = kind === 'initialized' ? 'Initialized' : 'Reinitialized'
  const stdout = `${verb} ${count} GPUs (IDs 0 to ${count - 1})\n`
  const stderr = [
    ...(damaged === undefined ? [] : [keptWords(damaged)]),
    ...lost.map(
      (booking) => `The booking of ${printable(shownName(booking))} is lost: ${spanWords(booking)}\n`,
    ),
  ].join('')
  return { stdout, ...(stderr === '' ? {} : { stderr }) }
}

function importText(answer: ImportedPool): Printed {
  const { created, gpuCount } = answer
  const { stdout, stderr } = importedText(answer)
  const pool =
    created === undefined ? { stdout: `Would set up ${counted(gpuCount, 'GPU')}\n` } : createdText(created)
  return {
    stdout: `${pool.stdout}${stdout}`,
    stderr: `${pool.stderr ?? ''}${stderr}`,
  }
}

const keptWords = ({ keptAs, records }: NonNullable<PoolCreated['damaged']>): string =>
  `The damaged pool is kept as ${keptAs}; ${counted(records, 'usage record')} taken over\n`

function checkupText(checked: Checked): Printed {
  const problems = problemsOf(checked)
  const notes = [driverNote(checked), changesNote(checked)].filter((note) => note !== undefined)
  const stderr = notes.length === 0 ? {} : { stderr: notes.map((note) => `${printable(note)}\n`).join('') }
  if (problems.length > 0) {
    return {
      stdout: problems.map(({ what, remedy }) => `${printable(what)} - ${remedy}\n`).join(''),
      ...stderr,
    }
  }
  const { gpus = 0, reservations = 0, waiting = 0, records = 0 } = checked.counts ?? {}
  const contents = [
    counted(gpus, 'GPU'),
    counted(reservations, 'reservation'),
    `${waiting} waiting`,
    counted(records, 'usage record'),
  ]
  return { stdout: `The pool ${checked.path} is sound: ${contents.join(', ')}\n`, ...stderr }
}

/** A note about the driver. It is not a problem of the pool, so the check still succeeds. */
function driverNote({ driver, counts }: Checked): string | undefined {
  if (driver === undefined) return undefined
  if (driver.kind === 'unanswered') return `Not compared with the driver: ${driver.reason}`
  const managed = counts?.gpus ?? driver.shown
  return driver.shown > managed
    ? `The driver shows ${driver.shown} GPUs, and the pool has ${managed} of them - 'sudo canhazgpu admin --gpus ${driver.shown} --force' manages all, and ends all reservations`
    : undefined
}

function changesNote({ counts }: Checked): string | undefined {
  const unreadable = counts?.unreadableChanges ?? 0
  if (unreadable === 0) return undefined
  return `${counted(unreadable, 'record')} of changes cannot be read: 'policy --history' leaves out what another version wrote, or a user who can write the file`
}

function refreshedText(units: readonly Unit[]): string {
  if (units.length === 0) return 'The pool has the GPUs that the driver shows: nothing to adopt\n'
  return `Adopted ${units.length} GPU(s): [${units.map(({ id }) => id).join(', ')}]\n`
}

function settingsText(pool: Pool, { path, group }: StoredPlace): string {
  const lines = [
    ['Pool', path],
    ['Host', pool.host],
    ['GPUs', String(pool.units.length)],
    ['Provider', pool.provider],
    ['Allocation', pool.policy.allocation],
    ['Memory threshold', `${poolThreshold(pool)} MB`],
    ['Group', group ?? 'every user'],
  ] as const
  return lines.map(([name, value]) => `${name}: ${printable(value)}\n`).join('')
}
