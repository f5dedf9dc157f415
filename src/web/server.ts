import type { Millis } from '../domain/pool/model.ts'
import type { PoolService } from '../ports/pool-service.ts'
import { ConnectionLimit, type Connections, connectionLimit } from './access/connection-limit.ts'
import { type Access, isLoopbackHost, openGuard } from './access/guard.ts'
import { type Address, listen } from './access/listen.ts'
import { EventStreams, mostStreams } from './live/event-streams.ts'
import { Sampler } from './live/sampler.ts'
import type { Identity } from './live/snapshot.ts'
import { Metrics } from './metrics.ts'
import { openAssets } from './page/assets.ts'
import { routes } from './routes.ts'
import type { AskUsage } from './usage-answers.ts'

export interface ServerOptions extends Identity {
  readonly pool: PoolService
  readonly askUsage: AskUsage
  readonly connections: Connections
  readonly address: Address
  readonly access: Access
  /** Steady time. */
  readonly clock: () => Millis
}

export interface WebServer {
  /** The address for a browser on another machine. */
  readonly url: string
  /** No password, and not only loopback: everyone who can reach the machine can see the page. */
  readonly open: boolean
  /** Ends all streams and connections, within a moment. */
  close(): Promise<void>
}

const CLOSING_MS: Millis = 250

/** Serves the dashboard and its API until it is closed. Throws `failure` where it cannot listen. */
export async function startServer(options: ServerOptions): Promise<WebServer> {
  const { pool, askUsage, connections, address, access, clock, hostname, version, demo } = options
  const metrics = new Metrics()
  const sampler = new Sampler({
    pool,
    identity: { hostname, version, ...(demo === undefined ? {} : { demo }) },
    clock,
    onSnapshot: (snapshot) => metrics.observe(snapshot),
  })
  const streams = new EventStreams(sampler, mostStreams(connectionLimit(connections.limit())))
  const loopback = isLoopbackHost(hostInUrl(address.host))
  const answer = routes({
    pool,
    askUsage,
    guard: openGuard({ access, loopback, clock }),
    sampler,
    streams,
    metrics,
    ...openAssets(demo === true ? 'Demo · GPUs' : 'GPUs'),
    version,
    clock,
  })
  const server = await listen(address, answer)
  const connectionGuard = new ConnectionLimit(connections, (port) => streams.has(port))
  return {
    url: `http://${hostInUrl(isEveryAddress(address.host) ? hostname : address.host)}:${server.port}`,
    open: !loopback && access.token === null && access.basic === null,
    async close() {
      const ended = streams.close()
      sampler.close()
      connectionGuard.close()
      // A client that does not read the end of a stream must not delay the close.
      await Promise.race([ended.then(() => server.stop()), Bun.sleep(CLOSING_MS)])
      await server.stop(true)
    },
  }
}

const isEveryAddress = (host: string): boolean => host === '0.0.0.0' || host === '::'
const hostInUrl = (host: string): string => (host.includes(':') ? `[${host}]` : host)
