import { currentAccount } from '../adapters/accounts/account.ts'
import { steadyNow } from '../adapters/kernel/clock.ts'
import { close } from '../adapters/kernel/libc/descriptors.ts'
import { hostname } from '../adapters/kernel/procfs.ts'
import { becomeDaemon } from '../adapters/process/detach.ts'
import { CanhazgpuError } from '../domain/errors.ts'
import { ownHostName } from '../domain/fleet/host-name.ts'
import { SNAPSHOT_PARTS } from '../domain/fleet/snapshot.ts'
import type { Millis } from '../domain/pool/model.ts'
import type { OpenedPool } from '../ports/opened-pool.ts'
import { openBoard } from './board.ts'
import { configuration } from './configuration.ts'
import { embeddedAccess } from './embedded-access.ts'
import { gpuAccess } from './gpu-access.ts'
import { type Persistence, takeLongTurnFor, takeTurnFor } from './publishing.ts'
import { snapshotOf } from './snapshot.ts'

/**
 * The pauses before the first attempts. Commits within the first are published together. Meanwhile no further commit
 * starts a process.
 */
const PAUSES: readonly Millis[] = [200, 5_000, 10_000, 10_000, 10_000, 10_000, 10_000]
/** If the board is out for longer, one process of the host tries again for an hour, beside those of further commits. */
const LATER_EVERY_MS: Millis = 10_000
const LATER_ATTEMPTS = 360

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
  for (const pause of PAUSES) {
    await Bun.sleep(pause)
    // The next commit needs a process of its own, because this one may read the pool before it.
    close(turn)
    if (await isPosted()) return 0
    if (persistence === ONCE) return FAILED
    turn = takeTurnFor(store)
    if (turn === null) return 0
  }
  close(turn)
  if (takeLongTurnFor(store) === null) return FAILED
  for (let attempt = 0; attempt < LATER_ATTEMPTS; attempt++) {
    await Bun.sleep(LATER_EVERY_MS)
    // Reading the pool asks the driver, which is only worth it if somebody listens.
    if ((await hasAnswered(board)) && (await isPosted())) return 0
  }
  return FAILED
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
