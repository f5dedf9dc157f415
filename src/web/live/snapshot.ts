import { evidenceOf, type Observation } from '../../domain/observation/observation.ts'
import { unknownReadings } from '../../domain/observation/readings.ts'
import { type GpuStatus, type Overview, statusOf } from '../../domain/observation/status.ts'
import { poolThreshold } from '../../domain/observation/threshold.ts'
import type { Millis, Pool, UnitId } from '../../domain/pool/model.ts'
import type { StoppedCheck } from '../../domain/pool/process-check.ts'
import { type QueueOverview, queuePlaces } from '../../domain/schedule/queue-places.ts'
import type { TimedPool, Views } from '../../ports/pool-service.ts'
import { queueDocument } from '../../views/documents/queue-document.ts'
import { scheduleDocument } from '../../views/documents/schedule-document.ts'
import { statusDocument, timestamp } from '../../views/documents/status-document.ts'
import type { SnapshotDocument } from '../../views/schemas/dashboard.ts'
import type { StaleDocument } from '../../views/schemas/status.ts'

/** Pool and GPUs at one moment, rendered once for all clients. */
export interface Snapshot {
  readonly document: SnapshotDocument
  /** Absent if it is not current: the last read of the pool failed. */
  readonly source?: TimedPool
  readonly gpus: readonly GpuStatus[]
  readonly queue: QueueOverview
  readonly statusJson: string
  readonly queueJson: string
  readonly scheduleJson: string
  readonly json: string
  /** Stays equal while only durations grow. */
  readonly signature: string
}

/** The last successful probe of the driver, and the units that were reserved at that time. */
export interface DriverReading {
  readonly observation: Observation
  readonly reserved: ReadonlySet<UnitId>
}

/** Why a snapshot does not show the current state. */
export interface StaleCause {
  readonly code: StaleDocument['reason_code']
  /** For the reader of the page. */
  readonly message: string
}

export interface Stale {
  readonly cause: StaleCause
  /** Time of the last successful probe; absent if there was none. */
  readonly since?: Millis
}

/** What a snapshot is made of: the pool at one moment, and the last successful probe. */
export type SnapshotSource = Views['settled'] & {
  readonly reading: DriverReading | null
  readonly stale?: Stale
}

export interface Identity {
  readonly hostname: string
  readonly version: string
  /** Users, GPUs and readings are made up. */
  readonly demo?: true
}

/** Every client gets a snapshot at every change, so it must not grow with the number of bookings. */
const MOST_BOOKINGS = 100

export function takeSnapshot(source: SnapshotSource, identity: Identity): Snapshot {
  const { pool, moment, stopped, reading, stale } = source
  const unknown = () => unknownReadings(pool, stale?.cause.message ?? 'the driver has not answered yet')
  const evidence =
    reading === null
      ? { readings: unknown(), thresholdMb: poolThreshold(pool) }
      : evidenceOf(pool, reading.observation)
  const view = { now: moment.wall, thresholdMb: evidence.thresholdMb }
  const gpus = statusOf(pool, evidence.readings, view.thresholdMb)
  const queue = queuePlaces(pool, {
    ...{ now: moment.wall, stopped: stoppedAmong(pool, stopped) },
    ...(reading === null ? {} : { reading: { evidence, reserved: reading.reserved } }),
  })
  return render(
    {
      ...identity,
      at: timestamp(moment.wall),
      ...(stale === undefined ? {} : { stale: staleDocument(stale) }),
      status: statusDocument({
        ...{ pool, view, gpus },
        ...staleReadings(stale),
      }),
      queue: queueDocument(queue),
      schedule: scheduleDocument({ pool, view, gpus }, MOST_BOOKINGS),
      policy_version: Bun.hash(JSON.stringify(pool.policy)).toString(36),
    },
    { gpus, queue, source: { pool, moment } },
  )
}

/** A check that needs no system call: it knows the ids of the queue entries whose processes are stopped. */
function stoppedAmong({ queue }: Pool, ids: readonly string[]): StoppedCheck {
  const stopped = new Set(queue.filter(({ id }) => ids.includes(id)).map(({ process }) => process))
  return (process) => stopped.has(process)
}

/** The same snapshot, marked as stale. */
export function staleSnapshot(snapshot: Snapshot, { code, message }: StaleCause): Snapshot {
  const { document } = snapshot
  const stale = { reason: message, reason_code: code, since: document.stale?.since ?? document.at }
  const status = document.status.map((gpu) => ({ ...gpu, stale }))
  const { gpus, queue } = snapshot
  return render({ ...document, stale, status }, { gpus, queue })
}

function render(document: SnapshotDocument, shown: Pick<Snapshot, 'gpus' | 'queue' | 'source'>): Snapshot {
  return {
    document,
    ...shown,
    statusJson: JSON.stringify(document.status),
    queueJson: JSON.stringify(document.queue),
    scheduleJson: JSON.stringify(document.schedule),
    json: JSON.stringify(document),
    signature: JSON.stringify([
      document.status.map(({ duration_seconds: _, details: __, stale: ___, ...gpu }) => gpu),
      document.queue.map(({ waiting_seconds: _, ...place }) => place),
      // The periods of the GPUs follow from these and the status.
      document.schedule.bookings,
      document.stale?.reason,
      document.policy_version,
    ]),
  }
}

/** A stale reading of each GPU, if there is one. */
const staleReadings = ({ since, cause }: Partial<Stale> = {}): Pick<Overview, 'stale'> =>
  since === undefined || cause === undefined ? {} : { stale: { since, failure: cause } }

function staleDocument({ cause, since }: Stale): StaleDocument {
  return {
    reason: cause.message,
    reason_code: cause.code,
    ...(since === undefined ? {} : { since: timestamp(since) }),
  }
}
