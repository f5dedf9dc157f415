import { currentAccount } from '../adapters/accounts/account.ts'
import { close } from '../adapters/kernel/libc/descriptors.ts'
import { hostname } from '../adapters/kernel/procfs.ts'
import { becomeDaemon } from '../adapters/process/detach.ts'
import { CanhazgpuError } from '../domain/errors.ts'
import { ownHostName } from '../domain/fleet/host-name.ts'
import { SNAPSHOT_PARTS } from '../domain/fleet/snapshot.ts'
import type { Millis } from '../domain/pool/model.ts'
import { openBoard } from './board.ts'
import { configuration } from './configuration.ts'
import { embeddedAccess } from './embedded-access.ts'
import { gpuAccess } from './gpu-access.ts'
import { takeTurnFor } from './publishing.ts'
import { snapshotOf } from './snapshot.ts'

/**
 * The pauses before each attempt. Commits within the first are published together. While the board is out there is one
 * process that tries again, however many commits there are.
 */
const PAUSES: readonly Millis[] = [200, 5_000, 10_000, 10_000, 10_000, 10_000, 10_000]

/** Publishes an embedded pool once: `canhazgpu __publish <store> <turn> [<configuration>]`. */
export async function publishMain([
  store = '',
  turnText = '',
  configFile,
]: readonly string[]): Promise<number> {
  becomeDaemon()
  let turn: number | null = Number(turnText)
  const { settings, files } = await configuration({ flags: { store }, configFile, warn: () => {} })
  if (settings.fleet === null || !Number.isSafeInteger(turn)) return WRONG_USAGE
  const board = openBoard(settings.fleet)
  const host = ownHostName(settings.hostName, hostname())
  const openAccess = () =>
    embeddedAccess({
      ...{ settings, warn: () => {}, account: currentAccount, trace: undefined },
      checkGpuAccess: gpuAccess(files, store),
      // It ends with this process.
      keep: () => {},
    })
  for (const pause of PAUSES) {
    await Bun.sleep(pause)
    // The next commit needs a process of its own, because this one may read the pool before it.
    close(turn)
    try {
      await board.post({ host, ...(await snapshotOf(await openAccess().pool(), SNAPSHOT_PARTS)) })
      return 0
    } catch (error) {
      if (!(error instanceof CanhazgpuError)) throw error
    }
    turn = takeTurnFor(store)
    if (turn === null) return 0
  }
  return FAILED
}

const WRONG_USAGE = 2
const FAILED = 1
