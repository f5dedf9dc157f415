import { steadyNow } from '../adapters/kernel/clock.ts'
import { hostname } from '../adapters/kernel/procfs.ts'
import { boardFindings } from '../domain/diagnosis/board-rules.ts'
import type { Finding } from '../domain/diagnosis/finding.ts'
import { CanhazgpuError } from '../domain/errors.ts'
import { ownHostName } from '../domain/fleet/host-name.ts'
import { sinceCommit } from '../domain/fleet/own-notice.ts'
import { SNAPSHOT_PARTS } from '../domain/fleet/snapshot.ts'
import type { Millis } from '../domain/pool/model.ts'
import { type Settings, socketPathIn } from '../domain/settings.ts'
import type { PoolService } from '../ports/pool-service.ts'
import { openBoard, serverOf } from './board.ts'
import type { PoolAccess } from './pool-access.ts'
import { reasonOf } from './reason-of.ts'
import { snapshotOf } from './snapshot.ts'

interface Examined {
  readonly settings: Settings
  readonly access: () => Promise<PoolAccess>
}

/** Whether the board answers and has this host. Without a daemon it also publishes this host: only that shows whether it can. */
export async function examineBoard({ settings, access }: Examined): Promise<readonly Finding[]> {
  const { fleet, hostName, store } = settings
  if (fleet === null) return [{ code: 'board-unused' }]
  const host = ownHostName(hostName, hostname())
  const isServed = socketPathIn(store) !== undefined
  let board: ReturnType<typeof openBoard>
  let server: string
  try {
    board = openBoard(fleet)
    server = serverOf(fleet)
  } catch (error) {
    const isClosed = error instanceof CanhazgpuError && error.code === 'permission-denied'
    return [{ code: isClosed ? 'board-closed' : 'board-misnamed', ...reasonOf(error) }]
  }
  try {
    const before = Date.now()
    const boardNow = await board.now()
    const clockAhead = boardNow - (before + Date.now()) / 2
    const [posted] = await board.read('status', host)
    const pool = await poolIfReadable(access)
    const found = boardFindings({
      ...{ server, host, isServed, clockAhead },
      age: posted?.age,
      sinceCommit: pool?.sinceCommit,
    })
    if (pool === null || isServed) return found
    try {
      await board.post({
        host,
        ...(await snapshotOf(pool.service, { parts: SNAPSHOT_PARTS, clock: steadyNow })),
      })
      return found
    } catch (error) {
      return [{ code: 'board-unwritable', server, ...reasonOf(error) }]
    }
  } catch (error) {
    return [{ code: 'board-out', server, ...reasonOf(error) }]
  } finally {
    board.close()
  }
}

async function poolIfReadable(access: Examined['access']): Promise<ReadPool | null> {
  try {
    const service = await (await access()).pool()
    const { pool, moment } = await service.view('stored')
    return { service, sinceCommit: sinceCommit(pool, moment) }
  } catch (error) {
    if (error instanceof CanhazgpuError) return null
    throw error
  }
}

interface ReadPool {
  readonly service: PoolService
  readonly sinceCommit: Millis
}
