import type { Difference, DriverCheck } from '../../app/compare-driver.ts'
import type { PoolCreated, StoredPlace } from '../../app/set-up.ts'
import { memoryOf } from '../../domain/observation/devices.ts'
import { poolThreshold } from '../../domain/observation/threshold.ts'
import type { GpuReading, Pool, Unit } from '../../domain/pool/model.ts'
import type { Problem } from '../../domain/pool/soundness.ts'
import { gpuNumber, unitsOf } from '../../domain/pool/units.ts'
import type {
  BackedUpDocument,
  CheckedDocument,
  CreatedDocument,
  DetectedDocument,
  GuideDocument,
  ImportedDocument,
  RefreshedDocument,
  SettingsDocument,
  ThresholdSetDocument,
} from '../schemas/admin.ts'
import type { AdminAnswer, Checked } from '../words/admin-answers.ts'
import type { Found } from '../words/admin-guide.ts'
import { differenceProblem } from '../words/differences.ts'
import type { ImportedPool } from '../words/import-answers.ts'
import { bookingDocument } from './booking-document.ts'

/** The result of `admin` as JSON. */
export function adminDocument(
  answer: AdminAnswer,
):
  | CreatedDocument
  | ImportedDocument
  | CheckedDocument
  | RefreshedDocument
  | SettingsDocument
  | ThresholdSetDocument
  | BackedUpDocument
  | GuideDocument {
  switch (answer.kind) {
    case 'initialized':
    case 'reinitialized':
      return createdDocument(answer)
    case 'imported':
      return importedDocument(answer)
    case 'checked':
      return checkupDocument(answer)
    case 'refreshed':
      return { adopted: answer.units.map(adoptedDocument) }
    case 'shown':
      return settingsDocument(answer.pool, answer.place)
    case 'threshold-set':
      return { memory_threshold_mb: answer.thresholdMb }
    case 'backed-up':
      return { backup: answer.path }
    case 'guide':
      return guideDocument(answer.found)
  }
}

function createdDocument({ kind, gpuCount, damaged, lost }: PoolCreated): CreatedDocument {
  return {
    result: kind,
    gpus: gpuCount,
    ...(damaged === undefined ? {} : { damaged: { kept_as: damaged.keptAs, records: damaged.records } }),
    ...(lost === undefined ? {} : { lost_bookings: lost.map(bookingDocument) }),
  }
}

function importedDocument({ created, gpuCount, takeOver }: ImportedPool): ImportedDocument {
  const { taken, running, ownerless, unreadable, waiting } = takeOver
  return {
    ...(created === undefined ? { result: 'planned', gpus: gpuCount } : createdDocument(created)),
    imported: {
      records: taken.records.length,
      reservations: taken.reservations.map((reservation) => ({
        gpu_ids: unitsOf(reservation).map(gpuNumber),
        user: reservation.owner.shownName,
        account: reservation.owner.account.name,
        uid: reservation.owner.account.uid,
        expires_at: new Date(reservation.term.expiresAt).toISOString(),
        running: running.includes(reservation.id),
      })),
    },
    not_imported: {
      reservations: ownerless.map(({ user, account, units }) => ({
        ...{ gpu_ids: units.map(gpuNumber), user, account },
      })),
      records: unreadable,
      waiting,
    },
  }
}

function guideDocument(found: Found): GuideDocument {
  switch (found.kind) {
    case 'pool':
      return { found: 'pool', pool: settingsDocument(found.pool, found.place) }
    case 'gpus': {
      const { provider, readings } = found.probe
      return { found: 'gpus', provider, gpus: readings.map(detectedDocument) }
    }
    case 'unreadable':
    case 'no gpus': {
      const { code, message } = found.error
      const kind = found.kind === 'unreadable' ? 'unreadable-pool' : 'no-gpus'
      return { found: kind, reason: message, reason_code: code }
    }
  }
}

function detectedDocument({ index, uuid, name, state }: GpuReading): DetectedDocument {
  const memoryMb = memoryOf(state)
  return {
    ...{ gpu_id: index, uuid, name },
    ...(memoryMb === undefined ? {} : { memory_total_mb: memoryMb }),
    ...(state.kind === 'fault' ? { reason: state.reason } : {}),
  }
}

function checkupDocument({ path, counts, driver, problems }: Checked): CheckedDocument {
  const differences = driver?.kind === 'compared' ? driver.differences : []
  return {
    sound: problems.length + differences.length === 0,
    path,
    ...countsDocument(counts),
    ...driverDocument(driver),
    problems: [
      ...problems.map(problemDocument),
      ...differences.map((each) => ({
        ...problemDocument(differenceProblem(each)),
        reason: differenceReason(each),
      })),
    ],
  }
}

function countsDocument(counts: Checked['counts']) {
  if (counts === undefined) return {}
  const { unreadableChanges, ...shown } = counts
  return { ...shown, ...(unreadableChanges === undefined ? {} : { unreadable_changes: unreadableChanges }) }
}

const problemDocument = ({ kind, what, remedy }: Problem): CheckedDocument['problems'][number] => ({
  kind,
  what,
  cure: remedy,
})

function differenceReason(
  difference: Difference,
): NonNullable<CheckedDocument['problems'][number]['reason']> {
  const { code } = difference
  return code === 'all-replaced' ? { code } : { code, gpu_id: gpuNumber(difference.unit.id) }
}

function driverDocument(driver: DriverCheck | undefined): Pick<CheckedDocument, 'driver'> {
  switch (driver?.kind) {
    case 'compared':
      return { driver: { checked: true, gpus: driver.shown } }
    case 'unanswered':
      return { driver: { checked: false, reason: driver.reason, reason_code: driver.code } }
    default:
      return {}
  }
}

const adoptedDocument = ({ id, device: { uuid, name } }: Unit): RefreshedDocument['adopted'][number] => ({
  gpu_id: gpuNumber(id),
  uuid,
  name,
})

const settingsDocument = (pool: Pool, { path, group }: StoredPlace): SettingsDocument => ({
  path,
  host: pool.host,
  gpus: pool.units.length,
  provider: pool.provider,
  allocation: pool.policy.allocation,
  memory_threshold_mb: poolThreshold(pool),
  group,
})
