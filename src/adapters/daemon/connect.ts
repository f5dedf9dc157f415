import { mayNotConnect } from '../../domain/daemon-errors.ts'
import { ConnectionFailed, type DaemonConnection } from '../../ports/daemon-connection.ts'
import { refuseForeignSocket } from './foreign-socket.ts'
import { Lines } from './lines.ts'
import { Outgoing } from './outgoing.ts'

/** The daemon is trusted, so an answer may have any length: a history of a million records takes 200 MB. */
const LONGEST_ANSWER = Number.POSITIVE_INFINITY

/** Connects to the Unix socket at this path. */
export async function connectToDaemon(path: string): Promise<DaemonConnection> {
  refuseForeignSocket(path)
  const messages: string[] = []
  const lines = new Lines(LONGEST_ANSWER)
  let isClosed = false
  let wake = () => {}
  const close = () => {
    isClosed = true
    wake()
  }
  const socket = await Bun.connect<Outgoing | undefined>({
    unix: path,
    socket: {
      data(_socket, bytes) {
        messages.push(...(lines.push(bytes) ?? []))
        wake()
      },
      drain: ({ data }) => data?.flush(),
      close,
      error: close,
    },
  }).catch((cause) => {
    throw failureOf(cause, path)
  })
  const outgoing = new Outgoing(socket)
  socket.data = outgoing
  return {
    send: (message) => outgoing.send(`${message}\n`),
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
      socket.end()
    },
  }
}

function failureOf(cause: unknown, path: string): Error {
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined
  if (code === 'EACCES' || code === 'EPERM') {
    return mayNotConnect(path, cause)
  }
  return new ConnectionFailed(`cannot connect to ${path}`, { cause })
}
