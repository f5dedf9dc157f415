import type { Socket } from 'bun'
import { CanhazgpuError } from '../../domain/errors.ts'
import type { ConnectionHandler, Listener } from '../../ports/daemon-listener.ts'
import * as libc from '../kernel/libc.ts'
import { type ClientLimits, ClientSocket } from './client-socket.ts'
import { peerCredentials, peerGroups, peerProcess } from './peer.ts'
import { removeSocket } from './socket-path.ts'
import { UnreadLimit } from './unread-limit.ts'

export interface ListenOptions {
  readonly path: string
  readonly handler: ConnectionHandler
  readonly limits: Pick<ClientLimits, 'longestMessage'> & Partial<ClientLimits>
}

const LIMITS = { messageWithinMs: 10_000, readWithinMs: 30_000 } as const

/**
 * Listens at the path, for every account. A socket that a killed daemon left there is replaced. Throws `store-busy` if
 * another daemon listens there.
 */
export function listenAt(options: ListenOptions): Listener {
  const { path } = options
  lockSocket(path)
  removeSocket(path)
  // A chmod after listening is too late: a client that connects before it would be refused.
  const umask = process.umask(0o111)
  try {
    const server = listening(options)
    return {
      close() {
        server.stop(true)
        removeSocket(path)
      },
    }
  } finally {
    process.umask(umask)
  }
}

/** Two daemons with different pools must not replace each other's socket. The lock lasts until this process exits. */
function lockSocket(path: string): void {
  const name = `${path}.lock`
  const fd = libc.createFile(name, 0o600)
  if (fd < 0) throw new CanhazgpuError('failure', `Cannot create ${name}: ${libc.errorText(-fd)}`)
  if (libc.lockExclusive(fd) >= 0) return
  throw new CanhazgpuError('store-busy', `Another daemon listens at ${path}`, {
    hint: `find it with 'sudo fuser -v ${name}'`,
  })
}

function listening({ path, handler, limits: given }: ListenOptions) {
  const limits = { ...LIMITS, ...given }
  const unread = new UnreadLimit()
  return Bun.listen<ClientSocket | undefined>({
    unix: path,
    socket: {
      open(socket) {
        const { fd } = socket as Socket<ClientSocket | undefined> & { readonly fd: number }
        const credentials = peerCredentials(fd)
        const refusal = credentials === null ? null : handler.refuses(credentials.uid)
        if (credentials === null || refusal !== null) {
          // A client that does not close its end must not keep a descriptor of the daemon.
          if (refusal !== null) socket.write(`${refusal}\n`)
          socket.terminate()
          return
        }
        const process = peerProcess(fd, credentials)
        // It ended before its connection was accepted, so nobody reads an answer. A pid of 0 is not visible here.
        if (process === null && credentials.pid > 0) {
          socket.terminate()
          return
        }
        const peer = { uid: credentials.uid, groups: peerGroups(fd, credentials), process }
        const client = new ClientSocket({ socket, peer, limits, unread })
        socket.data = client
        client.receiveWith(handler.opened(client))
      },
      data: ({ data: client }, bytes) => client?.received(bytes),
      drain: ({ data: client }) => client?.drained(),
      close(socket) {
        socket.data?.closed()
        socket.data = undefined
      },
      error: (socket) => {
        socket.terminate()
      },
    },
  })
}
