import type { Millis } from '../domain/pool/model.ts'
import type { PoolService } from '../ports/pool-service.ts'
import { ConnectionLimit, type Connections, connectionLimit } from './access/connection-limit.ts'
import { type Access, isLoopbackHost, openGuard } from './access/guard.ts'
import { type Address, listen } from './access/listen.ts'
import { HostAnswers, type HostAnswersParts } from './host-answers.ts'
import { EventStreams, mostStreams } from './live/event-streams.ts'
import { Sampler } from './live/sampler.ts'
import type { Identity } from './live/snapshot.ts'
import { Metrics } from './metrics.ts'
import { openAssets } from './page/assets.ts'
import { type GroupsOf, PolicyAnswers } from './policy-answers.ts'
import { routes } from './routes.ts'
import type { AskUsage } from './usage-answers.ts'

export interface ServerOptions extends Identity {
  readonly pool: PoolService
  readonly askUsage: AskUsage
  readonly groupsOf: GroupsOf
  /** Null: only the GPUs of `pool` are shown. */
  readonly hosts: HostAnswersParts['hosts']
  /** Whether any user could change the file of the pool. */
  readonly isAdvisory: boolean
  readonly connections: Connections
  readonly address: Address
  readonly access: Access
  readonly now: () => Millis
  /** Steady time. */
  readonly clock: () => Millis
}

export interface WebServer {
  /** The address of the page, with this machine's host name if the server listens on all addresses. */
  readonly url: string
  /** Whether everyone who can reach the machine can see the page: no password, and not only loopback. */
  readonly open: boolean
  /** Ends all streams and connections, within `CLOSING_MS`. */
  close(): Promise<void>
}

/** How long streams may take to end before their connections are cut. */
const CLOSING_MS: Millis = 250

/** Serves the dashboard and its API until it is closed. Throws a `failure` if it cannot listen. */
export async function startServer(options: ServerOptions): Promise<WebServer> {
  const { pool, askUsage, connections, address, access, clock, hostname, version, demo } = options
  const metrics = new Metrics(hostname)
  const sampler = new Sampler({
    pool,
    identity: { hostname, version, ...(demo === undefined ? {} : { demo }) },
    clock,
    onSnapshot: (snapshot) => metrics.observe(snapshot),
  })
  const streams = new EventStreams(sampler, mostStreams(connectionLimit(connections.limit())))
  const loopback = isLoopbackHost(hostInUrl(address.host))
  const handler = routes({
    pool,
    askUsage,
    guard: openGuard({ access, loopback, clock }),
    sampler,
    streams,
    metrics,
    policy: new PolicyAnswers(options.groupsOf, options.isAdvisory),
    hosts: new HostAnswers({ hosts: options.hosts, now: options.now, clock }),
    ...openAssets(demo === true ? 'Demo · GPUs' : 'GPUs'),
    version,
    clock,
  })
  const server = await listen(address, handler)
  const connectionLimiter = new ConnectionLimit(connections, (port) => streams.has(port))
  return {
    url: `http://${hostInUrl(isEveryAddress(address.host) ? hostname : address.host)}:${server.port}`,
    open: !loopback && access.token === null && access.basic === null,
    async close() {
      const ended = streams.close()
      sampler.close()
      connectionLimiter.close()
      // A client that does not read the end of its stream must not delay the end of the server.
      await Promise.race([ended.then(() => server.stop()), Bun.sleep(CLOSING_MS)])
      await server.stop(true)
    },
  }
}

const isEveryAddress = (host: string): boolean => host === '0.0.0.0' || host === '::'
const hostInUrl = (host: string): string => (host.includes(':') ? `[${host}]` : host)
