import { CanhazgpuError } from '../domain/errors.ts'
import { reservedUnits } from '../domain/observation/allocation.ts'
import { type Obstacle, obstaclesIn, type Reading } from '../domain/observation/obstacles.ts'
import { thresholdOf } from '../domain/observation/threshold.ts'
import { unknownUsage, usageOf } from '../domain/observation/usage.ts'
import type { Millis, Pool, Probe, QueueEntry } from '../domain/pool/model.ts'
import type { StoppedCheck } from '../domain/pool/process-check.ts'
import { wantedUnits } from '../domain/schedule/demand.ts'
import { type ExpectedStart, expectedStarts } from '../domain/schedule/expected-starts.ts'
import { isPassedOver, type Standing, standings } from '../domain/schedule/startable.ts'
import type { Deps } from './deps.ts'
import { presentPool } from './present-pool.ts'
import { supplyOf } from './waiting/waiting-news.ts'

/** One waiting request, as anyone may see it. */
export interface QueuePlace {
  /** Counted from 1. */
  readonly position: number
  readonly entry: QueueEntry
  readonly reason: WaitingReason
  readonly forecast: ExpectedStart
}

/**
 * Why it waits. `short`: by what is free, and what is not although nobody reserved it. `unanswered`: it could be
 * served and does not come for it. `stopped`: by a signal.
 */
export type WaitingReason =
  | { readonly kind: 'short'; readonly free: number; readonly obstacles: readonly Obstacle[] }
  | { readonly kind: 'behind'; readonly position: number }
  | { readonly kind: 'next' }
  | { readonly kind: 'unanswered' }
  | { readonly kind: 'stopped' }

export interface QueueOverview {
  readonly places: readonly QueuePlace[]
  readonly now: Millis
  /** Why the driver could not be asked; GPUs without a reservation then count as unchecked. */
  readonly driverFailure?: CanhazgpuError
}

/** Who waits, and why. The driver is asked only if somebody waits. */
export async function queueOverview(deps: Deps): Promise<QueueOverview> {
  const { pool, moment } = await presentPool(deps)
  if (pool.queue.length === 0) return { places: [], now: moment.wall }
  const probe = await askDriver(deps, pool)
  // The driver may have taken its time.
  const { pool: present, moment: now } = await presentPool(deps)
  const source = { now: now.wall, stopped: deps.stopped }
  if (probe instanceof CanhazgpuError) return { ...queuePlaces(present, source), driverFailure: probe }
  const sight = {
    usage: usageOf(present, probe),
    thresholdMb: thresholdOf(present, deps.memoryThreshold),
  }
  return queuePlaces(present, { ...source, reading: { sight, reserved: reservedUnits(pool) } })
}

async function askDriver(deps: Deps, pool: Pool): Promise<Probe | CanhazgpuError> {
  try {
    return await (await deps.providerOf(pool)).probe(deps.probeTimeout)
  } catch (error) {
    if (error instanceof CanhazgpuError) return error
    throw error
  }
}

export interface QueueSource {
  readonly now: Millis
  readonly stopped: StoppedCheck
  /** Absent: the driver was not seen, so no GPU is known to be free. */
  readonly reading?: Reading
}

/** The queue of a settled pool. */
export function queuePlaces(pool: Pool, source: QueueSource): QueueOverview {
  const { now, stopped } = source
  const obstacles = obstaclesIn(pool, source.reading)
  const forecasts = expectedStarts(pool, { now, stopped, obstacles })
  // Without a reading no unit is known to be free.
  const sight = source.reading?.sight ?? { usage: unknownUsage(pool, 'not checked'), thresholdMb: 0 }
  const standing = standings(pool, { now, stopped, sight })
  const places = pool.queue.map((entry, index) => ({
    position: index + 1,
    entry,
    reason: reasonFor(pool, entry, { ...source, obstacles, standing: standing.get(entry.id) }),
    forecast: forecasts.get(entry.id) ?? { kind: 'unknown' as const },
  }))
  return { places, now }
}

function reasonFor(
  pool: Pool,
  entry: QueueEntry,
  { now, stopped, obstacles, standing }: Reasons,
): WaitingReason {
  if (stopped(entry.process)) return { kind: 'stopped' }
  if (isPassedOver(entry, now)) return { kind: 'unanswered' }
  switch (standing?.kind) {
    case 'next':
      return { kind: 'next' }
    case 'behind':
      return { kind: 'behind', position: standing.place + 1 }
    default:
      return { kind: 'short', ...supplyOf(pool, wantedUnits(pool, entry.request), obstacles) }
  }
}

interface Reasons extends QueueSource {
  readonly obstacles: readonly Obstacle[]
  readonly standing: Standing | undefined
}
