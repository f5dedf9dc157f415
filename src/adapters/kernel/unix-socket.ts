import { close, F_SETFL, fcntl, O_NONBLOCK, poll } from './libc/descriptors.ts'
import { ENAMETOOLONG } from './libc/errno.ts'
import { type Bytes, utf8 } from './libc/memory.ts'
import * as sockets from './libc/sockets.ts'

const AF_UNIX = 1
/** `struct sockaddr_un`: the family, then a path of at most 107 bytes and a NUL. */
const ADDRESS_BYTES = 110
const LONGEST_PATH = 107
/** In `revents`. */
const POLL_HANG_UP = 0x10 << 16

// The functions return a descriptor, or a negated errno. A connection never blocks.

export const listenAtPath = (path: string, backlog: number): number =>
  socketFor(path, (fd, address) => {
    const bound = sockets.bind(fd, address)
    return bound < 0 ? bound : sockets.listen(fd, backlog)
  })

/**
 * Waits at most this long while too many clients have not been accepted yet, then returns `-EAGAIN`. The clients that
 * wait here are served in turn, and those that try again and again are not.
 */
export const connectToPath = (path: string, timeoutMs: number): number =>
  socketFor(path, (fd, address) => {
    sockets.setSendTimeout(fd, timeoutMs)
    const connected = sockets.connect(fd, address)
    return connected < 0 ? connected : fcntl(fd, F_SETFL, O_NONBLOCK)
  })

/**
 * Takes an abstract name, which one socket of this network namespace can have (unix(7)). The kernel frees it when the last
 * descriptor is closed.
 */
export const bindAbstract = (name: string): number => socketFor(`\0${name}`, sockets.bind)

type Use = (fd: number, address: Bytes) => number

function socketFor(path: string, use: Use): number {
  const name = utf8(path)
  if (name.length > LONGEST_PATH) return -ENAMETOOLONG
  const address = new Uint8Array(ADDRESS_BYTES)
  address[0] = AF_UNIX
  address.set(name, 2)
  const fd = sockets.streamSocket(AF_UNIX)
  if (fd < 0) return fd
  const failure = use(fd, address)
  if (failure >= 0) return fd
  close(fd)
  return failure
}

/** Waits for the next client. `-EINVAL` after `sockets.shutDown` of the listener. */
export const accept = (listener: number): number => sockets.accept(listener)

/** Whether the other end has been closed. */
export function hasHungUp(fd: number): boolean {
  polled[0] = fd
  // A hang-up is reported without being asked for.
  return poll(polled, 1, 0) > 0 && ((polled[1] ?? 0) & POLL_HANG_UP) !== 0
}

/** `struct pollfd`: fd; events and revents, each 16 bits. */
const polled = new Int32Array(2)

/** Sends what fits into the buffer of the kernel, and closes. */
export function sendAndClose(fd: number, bytes: Uint8Array): void {
  sockets.send(fd, bytes)
  close(fd)
}
