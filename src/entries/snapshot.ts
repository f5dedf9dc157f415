import { steadyNow } from '../adapters/kernel/clock.ts'
import { HEARTBEAT_MS } from '../app/supervise.ts'
import type { SnapshotPart } from '../domain/fleet/snapshot.ts'
import type { Millis, Pool } from '../domain/pool/model.ts'
import type { Notice } from '../ports/board.ts'
import type { PoolService } from '../ports/pool-service.ts'
import { ownPartText } from '../views/fleet/own-part.ts'

export type Snapshot = Pick<Notice, 'revision' | 'parts'>

/** Reads parts of this host for the board. `repeated`: how often this process publishes without a change. */
export async function snapshotOf(
  service: Pick<PoolService, 'view' | 'usage'>,
  parts: readonly SnapshotPart[],
  repeated?: Millis,
): Promise<Snapshot> {
  const readAt = steadyNow()
  const { pool } = await service.view('stored')
  const { epoch, ms: committedAt } = pool.writtenAt.steady
  const nextSign = repeated ?? heartbeatOf(pool)
  const texts = await Promise.all(
    parts.map(async (part) => [part, await ownPartText(service, part, nextSign)] as const),
  )
  return { revision: { epoch, committedAt, readAt }, parts: Object.fromEntries(texts) }
}

/** Without a daemon, the supervisor of a run publishes with each heartbeat. */
const heartbeatOf = ({ reservations }: Pool): Millis | null =>
  reservations.some(({ term }) => term.kind === 'run') ? HEARTBEAT_MS : null
