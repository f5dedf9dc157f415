import { steadyNow } from '../adapters/kernel/clock.ts'
import { hostname } from '../adapters/kernel/procfs.ts'
import { Hosts } from '../app/fleet/hosts.ts'
import { hostUnreachable } from '../domain/fleet/fleet-errors.ts'
import { ownHostName } from '../domain/fleet/host-name.ts'
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
    reader: NO_READER,
    clock: steadyNow,
  })
}

const NO_READER: HostReader = {
  read: async ({ name }) => {
    throw hostUnreachable(name, 'this version does not ask hosts over SSH')
  },
}
