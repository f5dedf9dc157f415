import { REPEATED_EVERY_MS, revisionOf, type SnapshotPart } from '../domain/fleet/snapshot.ts'
import type { Millis, Pool } from '../domain/pool/model.ts'
import type { Notice } from '../ports/board.ts'
import type { PoolService } from '../ports/pool-service.ts'
import { ownPartText } from '../views/fleet/own-part.ts'

export type Snapshot = Pick<Notice, 'revision' | 'parts'>

interface Published {
  readonly parts: readonly SnapshotPart[]
  /** Steady time. */
  readonly clock: () => Millis
  /** How often this process publishes without a change; absent if it does not. */
  readonly repeated?: Millis
}

/** Reads parts of this host for the board. */
export async function snapshotOf(
  service: Pick<PoolService, 'view' | 'usage'>,
  { parts, clock, repeated }: Published,
): Promise<Snapshot> {
  const begun = clock()
  const { pool, moment } = await service.view('stored')
  const nextSign = repeated ?? signsOf(pool)
  const texts = await Promise.all(
    parts.map(async (part) => [part, await ownPartText(service, part, nextSign)] as const),
  )
  const revision = revisionOf({ begun, moment: moment.steady, written: pool.writtenAt.steady })
  return { revision, parts: Object.fromEntries(texts) }
}

/** Without a daemon, a supervisor publishes as long as there are runs. */
const signsOf = ({ reservations }: Pool): Millis | null =>
  reservations.some(({ term }) => term.kind === 'run') ? REPEATED_EVERY_MS : null
