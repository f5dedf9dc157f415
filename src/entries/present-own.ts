import { steadyNow } from '../adapters/kernel/clock.ts'
import type { Unpublished } from '../app/fleet/hosts.ts'
import { CanhazgpuError } from '../domain/errors.ts'
import { notPublishedByDaemon } from '../domain/fleet/fleet-errors.ts'
import type { HostName } from '../domain/fleet/host-name.ts'
import { ownNotice, sinceCommit } from '../domain/fleet/own-notice.ts'
import { REPEATED_EVERY_MS, SNAPSHOT_PARTS } from '../domain/fleet/snapshot.ts'
import type { Millis } from '../domain/pool/model.ts'
import type { Board } from '../ports/board.ts'
import type { PoolService } from '../ports/pool-service.ts'
import { snapshotOf } from './snapshot.ts'

interface Presenting {
  readonly host: HostName
  readonly board: Board
  readonly pool: () => Promise<PoolService>
  readonly isServed: boolean
  /** Publishes in the background. */
  readonly later: () => Promise<void>
}

/**
 * For views of all hosts: publishes this host if the board lacks it or has an earlier state, so that others see it, and
 * returns why that fails. Without a daemon nothing else may run here that would publish it.
 */
export function presentOwn({ host, board, pool, isServed, later }: Presenting) {
  let publishedAt = Number.NEGATIVE_INFINITY
  let failed: { readonly at: Millis; readonly failure: CanhazgpuError } | undefined
  const isLongAgo = (at: Millis): boolean => steadyNow() - at >= REPEATED_EVERY_MS

  const published = async (service: PoolService): Promise<CanhazgpuError | null> => {
    if (failed !== undefined && !isLongAgo(failed.at)) return failed.failure
    failed = undefined
    try {
      await board.post({ host, ...(await snapshotOf(service, { parts: SNAPSHOT_PARTS, clock: steadyNow })) })
      return null
    } catch (failure) {
      if (!(failure instanceof CanhazgpuError)) throw failure
      failed = { at: steadyNow(), failure }
      return failure
    }
  }

  return async (age: Millis | undefined): Promise<Unpublished | null> => {
    const service = await pool()
    const { pool: stored, moment } = await service.view('stored')
    switch (ownNotice({ age, sinceCommit: sinceCommit(stored, moment), isServed })) {
      case 'current':
        return null
      case 'quiet':
        if (!isServed && isLongAgo(publishedAt)) {
          publishedAt = steadyNow()
          await later()
        }
        return null
      case 'missing':
      case 'behind': {
        const failure = isServed ? notPublishedByDaemon() : await published(service)
        return failure === null ? null : { age, failure }
      }
    }
  }
}
