import { ptr } from 'bun:ffi'
import { O_CLOEXEC, O_NONBLOCK } from './descriptors.ts'
import { c, onArm, outcome } from './library.ts'
import { addressOf, type Bytes } from './memory.ts'

const AF_UNIX = 1
const SOCK_STREAM = 1
const SOL_SOCKET = 1
const SO_SNDTIMEO = 21
const MSG_NOSIGNAL = 0x4000

/** Fills the buffer with a socket option and returns its length. getsockopt(2) by number, because few commands need it. */
export function socketOption(fd: number, level: number, name: number, buffer: Bytes): number {
  const length = new Uint8Array(4)
  const view = new DataView(length.buffer)
  view.setUint32(0, buffer.length, true)
  const got = outcome(c.syscall(onArm ? 209 : 55, fd, level, name, addressOf(buffer), addressOf(length)))
  return got < 0 ? got : view.getUint32(0, true)
}

/** Fills a `struct sockaddr` with the other end of a connection. */
export const peerInto = (fd: number, address: Bytes): number => {
  const length = new Uint8Array(4)
  new DataView(length.buffer).setUint32(0, address.length, true)
  return outcome(c.syscall(onArm ? 205 : 52, fd, addressOf(address), addressOf(length), 0, 0))
}

/** Sockets are by number, because only the daemon and its clients need them. */
export const streamSocket = (family: number): number =>
  outcome(c.syscall(onArm ? 198 : 41, family, SOCK_STREAM | O_CLOEXEC, 0, 0, 0))
/** The longest time that a call on this socket blocks (SO_SNDTIMEO, a `struct timeval`). */
export function setSendTimeout(fd: number, ms: number): number {
  // Two numbers of 64 bits.
  const time = new Uint32Array([Math.floor(ms / 1000), 0, (ms % 1000) * 1000, 0])
  return outcome(
    c.syscall(
      onArm ? 208 : 54,
      fd,
      SOL_SOCKET,
      SO_SNDTIMEO,
      addressOf(new Uint8Array(time.buffer)),
      time.byteLength,
    ),
  )
}
export const bind = (fd: number, address: Bytes): number =>
  outcome(c.syscall(onArm ? 200 : 49, fd, addressOf(address), address.length, 0, 0))
export const connect = (fd: number, address: Bytes): number =>
  outcome(c.syscall(onArm ? 203 : 42, fd, addressOf(address), address.length, 0, 0))
export const listen = (fd: number, backlog: number): number =>
  outcome(c.syscall(onArm ? 201 : 50, fd, backlog, 0, 0, 0))
/** The new descriptor never blocks. */
export const accept = (fd: number): number =>
  outcome(c.syscall(onArm ? 242 : 288, fd, 0, 0, O_NONBLOCK | O_CLOEXEC, 0))
/** sendto(2) without a signal for a closed connection. */
export const send = (fd: number, bytes: Uint8Array): number =>
  outcome(c.syscall(onArm ? 206 : 44, fd, addressOf(bytes), bytes.length, MSG_NOSIGNAL, 0))

/** Ends both directions of a connection. A pending read of it then returns its end. */
export const shutDown = (fd: number): number => outcome(c.syscall(onArm ? 210 : 48, fd, 2, 0, 0, 0))

/** Two connected sockets: the numbers of both ends. By number, because only calls of other hosts need it. */
export const socketPair = (ends: Int32Array<ArrayBuffer>): number =>
  outcome(c.syscall(onArm ? 199 : 53, AF_UNIX, SOCK_STREAM | O_CLOEXEC, 0, ptr(ends), 0))
