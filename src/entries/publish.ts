import { currentAccount } from '../adapters/accounts/account.ts'
import { steadyNow } from '../adapters/kernel/clock.ts'
import { close } from '../adapters/kernel/libc/descriptors.ts'
import { hostname } from '../adapters/kernel/procfs.ts'
import { becomeDaemon } from '../adapters/process/detach.ts'
import { type Persistence, type PublishingTurn, publishShortly } from '../app/fleet/short-publisher.ts'
import { CanhazgpuError } from '../domain/errors.ts'
import { ownHostName } from '../domain/fleet/host-name.ts'
import { SNAPSHOT_PARTS } from '../domain/fleet/snapshot.ts'
import type { OpenedPool } from '../ports/opened-pool.ts'
import { openBoard } from './board.ts'
import { configuration } from './configuration.ts'
import { embeddedAccess } from './embedded-access.ts'
import { gpuAccess } from './gpu-access.ts'
import { takeLongTurnFor, takeTurnFor } from './publishing.ts'
import { snapshotOf } from './snapshot.ts'

/** Publishes an embedded pool: `canhazgpu __publish <store> <turn> <persistence> [<configuration>]`. */
export async function publishMain([
  store = '',
  turnText = '',
  persistence = '',
  configFile,
]: readonly string[]): Promise<number> {
  becomeDaemon()
  let turn: number | null = Number(turnText)
  const { settings, files } = await configuration({ flags: { store }, configFile, warn: () => {} })
  if (settings.fleet === null || !Number.isSafeInteger(turn)) return WRONG_USAGE
  const board = openBoard(settings.fleet)
  const host = ownHostName(settings.hostName, hostname())
  const isPosted = async (): Promise<boolean> => {
    const opened: OpenedPool[] = []
    const access = embeddedAccess({
      ...{ settings, warn: () => {}, account: currentAccount, trace: undefined },
      checkGpuAccess: gpuAccess(files, store),
      upgrades: false,
      keep: (pool) => opened.push(pool),
    })
    try {
      const snapshot = { parts: SNAPSHOT_PARTS, clock: steadyNow }
      await board.post({ host, ...(await snapshotOf(await access.pool(), snapshot)) })
      return true
    } catch (error) {
      if (error instanceof CanhazgpuError) return false
      throw error
    } finally {
      for (const pool of opened) pool.close()
    }
  }
  const turns: PublishingTurn = {
    give: () => {
      if (turn !== null) close(turn)
    },
    take: () => {
      turn = takeTurnFor(store, 'until-posted')
      return turn !== null
    },
    takeLong: () => takeLongTurnFor(store) !== null,
  }
  const isDone = await publishShortly({
    persistence: persistence === ONCE ? ONCE : 'until-posted',
    post: isPosted,
    boardAnswers: () => hasAnswered(board),
    pause: (ms) => Bun.sleep(ms),
    turn: turns,
  })
  return isDone ? 0 : FAILED
}

async function hasAnswered(board: ReturnType<typeof openBoard>): Promise<boolean> {
  try {
    await board.now()
    return true
  } catch (error) {
    if (error instanceof CanhazgpuError) return false
    throw error
  }
}

const ONCE: Persistence = 'once'
const WRONG_USAGE = 2
const FAILED = 1
