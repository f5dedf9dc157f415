import { CanhazgpuError } from '../../domain/errors.ts'

export interface Address {
  readonly host: string
  /** 0: any free port. */
  readonly port: number
}

/** The other end of a connection. */
export interface Peer {
  readonly address: string
  readonly port: number
}

/** Answers a request. The peer is a function because only some requests need it. */
export type Answer = (request: Request, peer: () => Peer | null) => Promise<Response>

/** Concurrent requests, with event streams; further ones are refused as busy. */
const MOST_REQUESTS = 2_000

const IDLE_S = 30
/** A page that reads nothing for this time is gone. */
const STREAM_IDLE_S = 60

/** Listens, or throws an error that names the cause. */
export async function listen(address: Address, answer: Answer): Promise<Bun.Server<undefined>> {
  const { host, port } = address
  await resolve(host)
  try {
    return Bun.serve({
      hostname: host,
      port,
      idleTimeout: IDLE_S,
      maxRequestBodySize: 1_024,
      development: false,
      // Otherwise two servers could share a port, and each would get half of the requests.
      reusePort: false,
      fetch(request, server) {
        if (server.pendingRequests > MOST_REQUESTS) return busy()
        if (request.url.endsWith('/api/events')) server.timeout(request, STREAM_IDLE_S)
        return answer(request, () => server.requestIP(request))
      },
    })
  } catch (cause) {
    throw cannotListen(address, cause)
  }
}

const busy = (): Response =>
  Response.json(
    { error: { code: 'too-many-connections', message: 'Too many requests at once' } },
    { status: 503, headers: { 'retry-after': '5' } },
  )

async function resolve(host: string): Promise<void> {
  try {
    await Bun.dns.lookup(host)
  } catch (cause) {
    throw new CanhazgpuError('failure', `Cannot listen on ${host}: no such host is known`, {
      hint: '--host takes an address of this machine, such as 127.0.0.1 or 0.0.0.0',
      cause,
    })
  }
}

function cannotListen({ host, port }: Address, cause: unknown): CanhazgpuError {
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : ''
  const where = `${host}, port ${port}`
  const failure = (why: string, hint: string) =>
    new CanhazgpuError('failure', `Cannot listen on ${where}: ${why}`, { hint, cause })
  switch (code) {
    case 'EADDRINUSE':
      return failure('the port is in use', 'choose another with --port')
    case 'EACCES':
    case 'EPERM':
      return failure('no permission', 'ports below 1024 are for root; choose another with --port')
    case 'EADDRNOTAVAIL':
      return failure('it is no address of this machine', 'use --host 0.0.0.0 for all of its addresses')
    default:
      return failure(code === '' ? String(cause) : code, 'choose another with --host and --port')
  }
}
