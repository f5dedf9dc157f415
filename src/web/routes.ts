import { Hono } from 'hono'
import type { Millis } from '../domain/pool/model.ts'
import type { PoolService } from '../ports/pool-service.ts'
import type { Guard } from './access/guard.ts'
import type { Peer, RequestHandler } from './access/listen.ts'
import type { Docs } from './docs/docs.ts'
import { failureResponse, HttpError } from './errors.ts'
import { withSafeHeaders } from './headers.ts'
import type { HostAnswers } from './host-answers.ts'
import type { EventStreams } from './live/event-streams.ts'
import type { Sampler } from './live/sampler.ts'
import type { Snapshot } from './live/snapshot.ts'
import type { Metrics } from './metrics.ts'
import { openApiDocument } from './openapi.ts'
import type { Asset } from './page/assets.ts'
import type { PageFiles } from './page/page.ts'
import type { PolicyAnswers } from './policy-answers.ts'
import { daysOf, rangeOf, singleValues } from './query.ts'
import { type AskUsage, UsageAnswers } from './usage-answers.ts'

/** What the routes need. */
export interface RoutesOptions {
  readonly pool: PoolService
  readonly askUsage: AskUsage
  readonly guard: Guard
  readonly sampler: Sampler
  readonly streams: EventStreams
  readonly metrics: Metrics
  readonly policy: PolicyAnswers
  readonly hosts: HostAnswers
  readonly assets: ReadonlyMap<string, Asset>
  readonly files: PageFiles
  readonly version: string
  readonly clock: () => Millis
}

/** The handler of all requests. */
export function routes(options: RoutesOptions): RequestHandler {
  const { pool, sampler, policy, hosts } = options
  const usage = new UsageAnswers(options.askUsage, options.clock)
  let docs: Docs | undefined
  const app = new Hono<{ Bindings: { peer: () => Peer | null } }>({ strict: true })

  const partOfSnapshot = async (part: (snapshot: Snapshot) => string) => {
    const snapshot = await sampler.current()
    return json(part(snapshot), snapshot.document.stale === undefined ? {} : { 'x-canhazgpu-stale': 'true' })
  }
  app.get('/api/status', async (c) => {
    const [host] = singleValues(c.req.queries(), 'host')
    if (host !== undefined) return json(JSON.stringify(await hosts.status(host)))
    return partOfSnapshot((snapshot) => snapshot.statusJson)
  })
  app.get('/api/queue', async (c) => {
    const [host] = singleValues(c.req.queries(), 'host')
    if (host !== undefined) return json(JSON.stringify(await hosts.queue(host)))
    return partOfSnapshot((snapshot) => snapshot.queueJson)
  })
  app.get('/api/hosts', async () => json(JSON.stringify(await hosts.all())))
  app.get('/api/schedule', () => partOfSnapshot((snapshot) => snapshot.scheduleJson))
  app.get('/api/snapshot', () => partOfSnapshot((snapshot) => snapshot.json))
  app.get('/api/policy', async () => json(JSON.stringify(policy.rules(await sampler.pool()))))
  app.get('/api/accounts', async () => json(JSON.stringify(await policy.accounts(await sampler.pool()))))
  app.get('/api/events', (c) => options.streams.stream(c.req.raw, c.env.peer()))
  for (const kind of ['report', 'daily'] as const) {
    app.get(`/api/${kind}`, async (c) => {
      const [days] = singleValues(c.req.queries(), 'days')
      return json(await usage.get({ kind, days: daysOf(days) }))
    })
  }
  app.get('/api/history', async (c) => {
    const { moment } = await pool.view('stored')
    const [from, to] = singleValues(c.req.queries(), 'from', 'to')
    return json(await usage.get({ kind: 'history', range: rangeOf(from, to, moment.wall) }))
  })
  app.get('/metrics', async () => {
    const snapshot = await sampler.current()
    const accounts = snapshot.source === undefined ? [] : await policy.accounts(snapshot.source)
    const text = await options.metrics.text(snapshot, accounts)
    return new Response(text, { headers: { 'content-type': options.metrics.contentType } })
  })
  app.get('/healthz', async () => {
    await pool.view('stored')
    return json(JSON.stringify({ status: 'ok', driver: sampler.health }))
  })
  app.get('/api/openapi.json', () => json(JSON.stringify(openApiDocument(options.version))))
  for (const [path, asset] of options.assets) app.get(path, (c) => asset.response(c.req.raw))

  app.get('/docs', () => new Response(null, { status: 308, headers: { location: '/docs/' } }))
  const openedDocs = async () => {
    const { openDocs } = await import('./docs/docs.ts')
    docs ??= openDocs(options.files)
    return docs
  }
  app.get('/docs/search', async (c) => {
    const [query = ''] = singleValues(c.req.queries(), 'q')
    return (await openedDocs()).search(query, c.req.raw)
  })
  app.get('/docs/*', async (c) => (await openedDocs()).page(c.req.path, c.req.raw) ?? c.notFound())

  app.notFound(() => failureResponse(new HttpError('not-found', 'There is nothing at this address')))
  app.onError((error) => failureResponse(error))
  return async (received, peer) => {
    try {
      const request = withWholeUrl(received)
      await options.guard(request, peer)
      return withSafeHeaders(await app.fetch(request, { peer }))
    } catch (error) {
      return withSafeHeaders(failureResponse(error))
    }
  }
}

/** Adds a host to the URL of an HTTP/1.0 request without one: its URL is only a path. */
function withWholeUrl(request: Request): Request {
  if (request.headers.has('host')) return request
  return new Request(`http://localhost${request.url}`, request)
}

function json(text: string, headers: Readonly<Record<string, string>> = {}): Response {
  return new Response(text, { headers: { 'content-type': 'application/json; charset=utf-8', ...headers } })
}
