import { steadyNow } from '../adapters/kernel/clock.ts'
import { hostname } from '../adapters/kernel/procfs.ts'
import { Hosts } from '../app/fleet/hosts.ts'
import { ownHostName } from '../domain/fleet/host-name.ts'
import type { Millis } from '../domain/pool/model.ts'
import type { Settings } from '../domain/settings.ts'
import type { HostReader } from '../ports/host-reader.ts'
import type { PoolService } from '../ports/pool-service.ts'
import { ownPart, type Parts } from '../views/fleet/own-part.ts'
import { readQueuePart, readStatusPart, readUsagePart } from '../views/fleet/read-parts.ts'
import { openBoard } from './board.ts'

/** This host and the other ones of these settings. Throws `config-invalid` if the URL of the board cannot be read. */
export function openHosts(settings: Settings, pool: () => Promise<PoolService>): Hosts<Parts> {
  return new Hosts<Parts>({
    own: ownHostName(settings.hostName, hostname()),
    ownPart: async (part) => ownPart(await pool(), part),
    read: { status: readStatusPart, queue: readQueuePart, usage: readUsagePart },
    board: settings.fleet === null ? null : openBoard(settings.fleet),
    remote: settings.remoteHosts,
    reader: OVER_SSH,
    clock: steadyNow,
  })
}

/** A host has this time to answer. */
const ANSWER_MS: Millis = 10_000

const OVER_SSH: HostReader = {
  read: async (host, part) => {
    const { readOverSsh } = await import('./read-over-ssh.ts')
    return readOverSsh(host, part, ANSWER_MS)
  },
}
