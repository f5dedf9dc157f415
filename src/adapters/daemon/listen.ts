import type { Socket } from 'bun'
import { CanhazgpuError } from '../../domain/errors.ts'
import type { Millis } from '../../domain/pool/model.ts'
import type { ClientConnection, ConnectionHandler, Listener, Receiver } from '../../ports/daemon-listener.ts'
import * as libc from '../kernel/libc.ts'
import { Lines } from './lines.ts'
import { Outgoing } from './outgoing.ts'
import { peerCredentials } from './peer.ts'
import { removeSocket } from './socket-path.ts'

export interface ListenOptions {
  readonly path: string
  /** The longest message that is accepted, in bytes. */
  readonly longestMessage: number
  readonly handler: ConnectionHandler
}

/** The maximum number of unread bytes for one client. A client with more is disconnected. */
const MOST_UNREAD = 64 * 1024 * 1024
/** A client that started a message completes it within this time. */
const MESSAGE_WITHIN_MS: Millis = 10_000
/** A client that reads nothing for this time, while there is something to read, is disconnected. */
const READ_WITHIN_MS: Millis = 30_000

interface State {
  readonly lines: Lines
  readonly outgoing: Outgoing
  readonly receiver: Receiver
  timer: ReturnType<typeof setTimeout> | undefined
}

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

function listening({ path, longestMessage, handler }: ListenOptions) {
  return Bun.listen<State | undefined>({
    unix: path,
    socket: {
      open(socket) {
        const fd = (socket as Socket<State | undefined> & { readonly fd: number }).fd
        const peer = peerCredentials(fd)
        if (peer === null) {
          socket.terminate()
          return
        }
        const outgoing = new Outgoing(socket)
        const connection = connectionOf(socket, outgoing, peer)
        const receiver = handler.opened(connection)
        if (receiver === null) return
        socket.data = { lines: new Lines(longestMessage), outgoing, receiver, timer: undefined }
        expect(socket)
      },
      data(socket, bytes) {
        const state = socket.data
        if (state === undefined) return
        const messages = state.lines.push(bytes)
        if (messages === null) {
          socket.terminate()
          return
        }
        for (const message of messages) state.receiver.receive(message)
        expect(socket)
      },
      drain(socket) {
        socket.data?.outgoing.flush()
        expect(socket)
      },
      close(socket) {
        clearTimeout(socket.data?.timer)
        socket.data?.receiver.closed()
        socket.data = undefined
      },
      error: (socket) => {
        socket.terminate()
      },
    },
  })
}

/** Disconnects a client that stops in the middle of a message, or does not read. */
function expect(socket: Socket<State | undefined>): void {
  const state = socket.data
  if (state === undefined) return
  clearTimeout(state.timer)
  state.timer = undefined
  const within = state.outgoing.length > 0 ? READ_WITHIN_MS : state.lines.isPartial ? MESSAGE_WITHIN_MS : null
  if (within !== null) state.timer = setTimeout(() => socket.terminate(), within)
}

function connectionOf(
  socket: Socket<State | undefined>,
  outgoing: Outgoing,
  peer: ClientConnection['peer'],
): ClientConnection {
  return {
    peer,
    send(message) {
      outgoing.send(`${message}\n`)
      if (outgoing.length > MOST_UNREAD) socket.terminate()
      else if (outgoing.length > 0) expect(socket)
    },
    end(message) {
      outgoing.send(`${message}\n`)
      socket.end()
    },
  }
}
