import { knownHosts } from '../adapters/files/known-hosts.ts'
import { steadyNow } from '../adapters/kernel/clock.ts'
import { hostname } from '../adapters/kernel/procfs.ts'
import { Hosts } from '../app/fleet/hosts.ts'
import { ownHostName } from '../domain/fleet/host-name.ts'
import { REPEATED_EVERY_MS } from '../domain/fleet/snapshot.ts'
import type { Millis } from '../domain/pool/model.ts'
import { type Settings, socketPathIn } from '../domain/settings.ts'
import type { HostReader } from '../ports/host-reader.ts'
import type { PoolService } from '../ports/pool-service.ts'
import { ownPart, type Parts } from '../views/fleet/own-part.ts'
import { readQueuePart, readStatusPart, readUsagePart } from '../views/fleet/read-parts.ts'
import { boardOf, openBoard } from './board.ts'
import type { presentOwn } from './present-own.ts'

interface Opened {
  readonly pool: () => Promise<PoolService>
  /** Publishes this host in the background, unless a daemon does it. */
  readonly publishLater: () => Promise<void>
}

/** This host and the other ones of these settings. Throws `config-invalid` if the URL of the board cannot be read. */
export function openHosts(settings: Settings, { pool, publishLater }: Opened): Hosts<Parts> {
  const own = ownHostName(settings.hostName, hostname())
  const board = settings.fleet === null ? null : openBoard(settings.fleet)
  let present: ReturnType<typeof presentOwn> | undefined
  return new Hosts<Parts>({
    own,
    ownPart: async (part) => ownPart(await pool(), part),
    read: { status: readStatusPart, queue: readQueuePart, usage: readUsagePart },
    board,
    presentOwn: async (age) => {
      if (board === null || (age !== undefined && age <= REPEATED_EVERY_MS)) return null
      const { presentOwn } = await import('./present-own.ts')
      const isServed = socketPathIn(settings.store) !== undefined
      present ??= presentOwn({ host: own, board, pool, isServed, later: publishLater })
      return present(age)
    },
    known:
      settings.fleet === null
        ? null
        : knownHosts({ env: process.env, board: boardOf(settings.fleet), now: Date.now }),
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
