import { CanhazgpuError } from '../../domain/errors.ts'

export interface Address {
  readonly host: string
  /** 0 for any free port. */
  readonly port: number
}

/** The other end of a connection. */
export interface Peer {
  readonly address: string
  readonly port: number
}

/** The peer is a function because only few requests need it. */
export type RequestHandler = (request: Request, peer: () => Peer | null) => Promise<Response>

/** The most concurrent requests, event streams included. Further requests are refused. */
const MOST_REQUESTS = 2_000

const IDLE_S = 30
/** The connection of a page that reads nothing for this time is closed. */
const STREAM_IDLE_S = 60

/** Starts a server at this address. Throws an error that names the cause if that fails. */
export async function listen(address: Address, handle: RequestHandler): Promise<Bun.Server<undefined>> {
  const { host, port } = address
  await checkHostName(host)
  try {
    return Bun.serve({
      hostname: host,
      port,
      idleTimeout: IDLE_S,
      maxRequestBodySize: 1_024,
      development: false,
      // With reusePort, two servers could share a port, and each would get half of the requests.
      reusePort: false,
      fetch(request, server) {
        if (server.pendingRequests > MOST_REQUESTS) return tooManyRequests()
        if (request.url.endsWith('/api/events')) server.timeout(request, STREAM_IDLE_S)
        return handle(request, () => server.requestIP(request))
      },
    })
  } catch (cause) {
    throw cannotListen(address, cause)
  }
}

const tooManyRequests = (): Response =>
  Response.json(
    { error: { code: 'too-many-connections', message: 'Too many requests at the same time' } },
    { status: 503, headers: { 'retry-after': '5' } },
  )

async function checkHostName(host: string): Promise<void> {
  try {
    await Bun.dns.lookup(host)
  } catch (cause) {
    throw new CanhazgpuError('failure', `Cannot listen on ${host}: unknown host name`, {
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
      return failure('permission denied', 'only root may use ports below 1024; choose another with --port')
    case 'EADDRNOTAVAIL':
      return failure(
        'the address does not belong to this machine',
        'use --host 0.0.0.0 for all addresses of this machine',
      )
    default:
      return failure(code === '' ? String(cause) : code, 'choose another with --host and --port')
  }
}
