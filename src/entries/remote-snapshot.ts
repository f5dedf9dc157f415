import { currentAccount } from '../adapters/accounts/account.ts'
import type { SnapshotPart } from '../domain/fleet/snapshot.ts'
import { socketPathIn } from '../domain/settings.ts'
import type { OpenedPool } from '../ports/opened-pool.ts'
import { ownPartText } from '../views/fleet/own-part.ts'
import { configuration } from './configuration.ts'
import { daemonAccess } from './daemon-access.ts'
import { embeddedAccess } from './embedded-access.ts'
import { gpuAccess } from './gpu-access.ts'

/** A part of the snapshot of this host, for another host that asks. Throws if this host has no pool. */
export async function snapshotPart(part: SnapshotPart): Promise<string> {
  const warn = () => {}
  const { settings, files } = await configuration({ flags: {}, configFile: undefined, warn })
  const socket = socketPathIn(settings.store)
  const opened: OpenedPool[] = []
  const access =
    socket === undefined
      ? embeddedAccess({
          ...{ settings, warn, account: currentAccount, trace: undefined },
          checkGpuAccess: gpuAccess(files, settings.store),
          keep: (pool) => opened.push(pool),
        })
      : daemonAccess(socket, { settings, warn })
  try {
    return await ownPartText(await access.pool(), part, null)
  } finally {
    for (const pool of opened) pool.close()
  }
}
