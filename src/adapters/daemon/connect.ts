import { mayNotConnect } from '../../domain/daemon-errors.ts'
import { ConnectionFailed, type DaemonConnection } from '../../ports/daemon-connection.ts'
import { close, readInto } from '../kernel/libc/descriptors.ts'
import { EACCES, EPERM } from '../kernel/libc/errno.ts'
import { errorText } from '../kernel/libc/library.ts'
import { send } from '../kernel/libc/sockets.ts'
import { connectToPath, hasHungUp } from '../kernel/unix-socket.ts'
import { isReadable } from '../process/terminal.ts'
import { adopt } from './adopt.ts'
import { refuseForeignSocket } from './foreign-socket.ts'
import { Lines } from './lines.ts'
import { Outgoing } from './outgoing.ts'

/** The daemon is trusted, so an answer may have any length: a history of a million records takes 200 MB. */
const LONGEST_ANSWER = Number.POSITIVE_INFINITY

/** How long this process may block while the daemon is busy. */
const CONNECT_WITHIN_MS = 50

/** How long this process may block until an answer arrives. */
const ANSWER_WITHIN_MS = 1_000

/** Enough for most answers. */
const READ_BYTES = 32_768

/**
 * Connects to the Unix socket at this path. `mayBlock`: this process has nothing else to do while it waits for an
 * answer, so it can do without the event loop, whose first use takes half a millisecond.
 */
export async function connectToDaemon(path: string, mayBlock = false): Promise<DaemonConnection> {
  refuseForeignSocket(path)
  return connectionOf(connectedTo(path), mayBlock)
}

/** A connected descriptor. The runtime would report a connection that the daemon has refused as a failure to connect. */
function connectedTo(path: string): number {
  const fd = connectToPath(path, CONNECT_WITHIN_MS)
  if (fd >= 0) return fd
  const cause = new Error(errorText(-fd))
  if (fd === -EACCES || fd === -EPERM) throw mayNotConnect(path, cause)
  throw new ConnectionFailed(`cannot connect to ${path}`, { cause })
}

function connectionOf(fd: number, mayBlock: boolean): DaemonConnection {
  const messages: string[] = []
  const lines = new Lines(LONGEST_ANSWER)
  let socket: Bun.Socket<undefined> | undefined
  let isInEventLoop = false
  let isClosed = false
  let wake = () => {}
  const outgoing = new Outgoing({
    write: (bytes) => (isInEventLoop ? (socket?.write(bytes) ?? 0) : send(fd, bytes)),
  })
  const received = (bytes: Uint8Array) => lines.push(bytes, (line) => messages.push(line) > 0)
  const closed = () => {
    isClosed = true
    wake()
  }
  const enterEventLoop = () => {
    isInEventLoop = true
    adopt(fd, {
      open(opened) {
        socket = opened
        outgoing.flush()
      },
      data(bytes) {
        received(bytes)
        wake()
      },
      drain: () => outgoing.flush(),
      close: closed,
    })
  }
  if (!mayBlock) enterEventLoop()
  return {
    get isOpen() {
      return !isClosed && (isInEventLoop || !hasHungUp(fd))
    },
    send(...texts) {
      outgoing.send(texts.map((text) => `${text}\n`).join(''))
    },
    receiveSoon() {
      const buffer = new Uint8Array(READ_BYTES)
      while (messages.length === 0 && !isInEventLoop && outgoing.size === 0) {
        const count = isReadable(fd, ANSWER_WITHIN_MS) ? readInto(fd, buffer) : 0
        if (count > 0) received(buffer.subarray(0, count))
        // The event loop reports the end of the connection, and reads the rest of a long answer.
        if (count <= 0 || count === READ_BYTES) break
      }
      return messages.shift()
    },
    async receive() {
      if (!isInEventLoop && messages.length === 0) enterEventLoop()
      while (messages.length === 0 && !isClosed) {
        const { promise, resolve } = Promise.withResolvers<void>()
        wake = resolve
        await promise
      }
      return messages.shift() ?? null
    },
    close() {
      closed()
      if (isInEventLoop) socket?.end()
      else close(fd)
    },
  }
}
