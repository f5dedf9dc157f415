import { mayNotConnect } from '../../domain/daemon-errors.ts'
import { ConnectionFailed, type DaemonConnection } from '../../ports/daemon-connection.ts'
import { EACCES, EPERM, errorText } from '../kernel/libc.ts'
import { connectToPath } from '../kernel/unix-socket.ts'
import { adopt } from './adopt.ts'
import { refuseForeignSocket } from './foreign-socket.ts'
import { Lines } from './lines.ts'
import { Outgoing } from './outgoing.ts'

/** The daemon is trusted, so an answer may have any length: a history of a million records takes 200 MB. */
const LONGEST_ANSWER = Number.POSITIVE_INFINITY

/** How long this process may block while the daemon is busy. */
const CONNECT_WITHIN_MS = 50

/** Connects to the Unix socket at this path. */
export async function connectToDaemon(path: string): Promise<DaemonConnection> {
  refuseForeignSocket(path)
  return connectionOf(connectedTo(path))
}

/** A connected descriptor. The runtime would report a connection that the daemon has refused as a failure to connect. */
function connectedTo(path: string): number {
  const fd = connectToPath(path, CONNECT_WITHIN_MS)
  if (fd >= 0) return fd
  const cause = new Error(errorText(-fd))
  if (fd === -EACCES || fd === -EPERM) throw mayNotConnect(path, cause)
  throw new ConnectionFailed(`cannot connect to ${path}`, { cause })
}

function connectionOf(fd: number): DaemonConnection {
  const messages: string[] = []
  const lines = new Lines(LONGEST_ANSWER)
  let socket: Bun.Socket<undefined> | undefined
  let outgoing: Outgoing | undefined
  let isClosed = false
  let wake = () => {}
  const close = () => {
    isClosed = true
    wake()
  }
  adopt(fd, {
    open(opened) {
      socket = opened
      outgoing = new Outgoing(opened)
    },
    data(bytes) {
      lines.push(bytes, (line) => messages.push(line) > 0)
      wake()
    },
    drain: () => outgoing?.flush(),
    close,
  })
  return {
    send: (message) => outgoing?.send(`${message}\n`),
    async receive() {
      while (messages.length === 0 && !isClosed) {
        const { promise, resolve } = Promise.withResolvers<void>()
        wake = resolve
        await promise
      }
      return messages.shift() ?? null
    },
    close() {
      close()
      socket?.end()
    },
  }
}
