import { steadyNow } from '../adapters/kernel/clock.ts'
import { hostname } from '../adapters/kernel/procfs.ts'
import { askHistoryChild } from '../adapters/process/usage-child.ts'
import { Publisher } from '../app/fleet/publisher.ts'
import { pause } from '../app/sampling/pause.ts'
import { CanhazgpuError } from '../domain/errors.ts'
import { namesake } from '../domain/fleet/fleet-errors.ts'
import { ownHostName } from '../domain/fleet/host-name.ts'
import { REPEATED_EVERY_MS } from '../domain/fleet/snapshot.ts'
import type { UsageAnswers } from '../domain/ledger/usage-question.ts'
import type { Settings } from '../domain/settings.ts'
import type { PoolService } from '../ports/pool-service.ts'
import { openBoard } from './board.ts'
import { snapshotOf } from './snapshot.ts'

interface Published {
  readonly settings: Settings
  /** Path of the database. */
  readonly pool: string
  readonly service: PoolService
  readonly log: (error: unknown) => void
}

/** Publishes the daemon's pool until the signal aborts. Returns what to call after a commit; null without a board. */
export function publishFromDaemon(
  { settings, pool, service, log }: Published,
  signal: AbortSignal,
): (() => void) | null {
  if (settings.fleet === null) return null
  try {
    const host = ownHostName(settings.hostName, hostname())
    const board = openBoard(settings.fleet)
    const source: Pick<PoolService, 'view' | 'usage'> = {
      view: (question) => service.view(question),
      // A child reads many records, as for the other questions about the history.
      usage: async (question) =>
        JSON.parse(await askHistoryChild(pool, question)) as UsageAnswers[typeof question.kind],
    }
    const publisher = new Publisher({
      ...{ board, host, clock: steadyNow, pause },
      snapshot: (parts) => snapshotOf(source, { parts, clock: steadyNow, repeated: REPEATED_EVERY_MS }),
      onNamesake: () => log(namesake(host)),
      onFailure: (failure) => log(failure ?? 'The notice board answers again'),
    })
    publisher
      .run(signal)
      .finally(() => board.close())
      .catch(log)
    return () => publisher.changed()
  } catch (error) {
    if (!(error instanceof CanhazgpuError)) throw error
    log(error)
    return null
  }
}
