import { CanhazgpuError } from '../../domain/errors.ts'
import type { ConnectionHandler, Listener } from '../../ports/daemon-listener.ts'
import { close, createFile, lockExclusive } from '../kernel/libc/descriptors.ts'
import { errorText } from '../kernel/libc/library.ts'
import { shutDown } from '../kernel/libc/sockets.ts'
import { listenAtPath } from '../kernel/unix-socket.ts'
import type { Accepted, Accepting } from './accept-worker.ts'
import { adopt } from './adopt.ts'
import { type ClientLimits, ClientSocket } from './client-socket.ts'
import { ClosedConnections } from './closed-connections.ts'
import { newHeldBytes } from './held-bytes.ts'
import { Openings } from './openings.ts'
import { peerGroups, peerProcess } from './peer.ts'
import { removeSocket } from './socket-path.ts'

export interface ListenOptions {
  readonly path: string
  readonly handler: ConnectionHandler
  /** The maximum number of open connections. */
  readonly mostConnections: number
  readonly limits: Pick<ClientLimits, 'longestMessage'> & Partial<ClientLimits>
}

const LIMITS = { messageWithinMs: 10_000, readWithinMs: 30_000 } as const

/** Clients that the kernel keeps until they are accepted. The kernel may have a lower limit (net.core.somaxconn). */
const BACKLOG = 1_024

/**
 * Listens at the path, for every account. A socket that a killed daemon left there is replaced. Throws `store-busy` if
 * another daemon listens there.
 */
export function listenAt(options: ListenOptions): Listener {
  const { path, handler, mostConnections } = options
  lockSocket(path)
  removeSocket(path)
  const listener = listening(path)
  const closed = ClosedConnections.forAtMost(mostConnections)
  const openings = new Openings(opener(options, closed))
  const refusal = Buffer.from(`${handler.refusal}\n`)
  const worker = new Worker(workerPath())
  worker.onmessage = ({ data: accepted }: MessageEvent<Accepted>) => openings.add(accepted)
  worker.onerror = ({ message }) => {
    throw new Error(`accepting connections failed: ${message}`)
  }
  const accepting: Accepting = { listener, refusal, mostConnections, closed: closed.shared }
  worker.postMessage(accepting)
  return {
    close() {
      shutDown(listener)
      close(listener)
      removeSocket(path)
    },
  }
}

/** scripts/build.ts puts the worker at this path of the compiled executable. */
const workerPath = (): string =>
  Bun.main.startsWith('/$bunfs/')
    ? '/$bunfs/root/adapters/daemon/accept-worker.js'
    : `${import.meta.dir}/accept-worker.ts`

/** Two daemons with different pools must not replace each other's socket. The lock lasts until this process exits. */
function lockSocket(path: string): void {
  const name = `${path}.lock`
  const fd = createFile(name, 0o600)
  if (fd < 0) throw new CanhazgpuError('failure', `Cannot create ${name}: ${errorText(-fd)}`)
  if (lockExclusive(fd) >= 0) return
  throw new CanhazgpuError('store-busy', `Another daemon listens at ${path}`, {
    hint: `find it with 'sudo fuser -v ${name}'`,
  })
}

/** A descriptor. Every account may connect. */
function listening(path: string): number {
  // A chmod after listening is too late: a client that connects before it would be refused.
  const umask = process.umask(0o111)
  try {
    const fd = listenAtPath(path, BACKLOG)
    if (fd >= 0) return fd
    throw new CanhazgpuError('failure', `Cannot listen at ${path}: ${errorText(-fd)}`)
  } finally {
    process.umask(umask)
  }
}

/** Returns the function that gives an accepted connection to the handler. */
function opener({ handler, limits: given }: ListenOptions, closed: ClosedConnections) {
  const limits = { ...LIMITS, ...given }
  const held = newHeldBytes()
  return ({ fd, countedAs, ...credentials }: Accepted): void => {
    const { uid } = credentials
    const process = peerProcess(fd, credentials)
    // It ended before its connection was opened, so nobody reads an answer. A pid of 0 is not visible here.
    if (process === null && credentials.pid > 0) {
      close(fd)
      closed.report(countedAs)
      return
    }
    const peer = { uid, countedAs, groups: peerGroups(fd, credentials), process }
    let client: ClientSocket | undefined
    adopt(fd, {
      open(socket) {
        client = new ClientSocket({ socket, peer, limits, held })
        client.receiveWith(handler.opened(client))
      },
      data: (bytes) => client?.received(bytes),
      drain: () => client?.drained(),
      close() {
        client?.closed()
        closed.report(countedAs)
      },
    })
  }
}
