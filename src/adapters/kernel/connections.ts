import { close, O_RDONLY, open } from './libc/descriptors.ts'
import { RLIMIT_NOFILE, resourceLimit } from './libc/programs.ts'
import { peerInto, shutDown, socketOption } from './libc/sockets.ts'

/** A TCP connection of this process, as the kernel reports it. */
export interface Connection {
  readonly descriptor: number
  readonly hasReceived: boolean
  readonly hasSent: boolean
  /** The port of the other end. */
  readonly port: number
  /** Time since the last byte was sent to it, or since it was made. */
  readonly idleMs: number
}

/** The maximum number of descriptors of this process. */
export function descriptorLimit(): number {
  const limits = new BigUint64Array(2)
  return resourceLimit(RLIMIT_NOFILE, null, limits) < 0 ? 1_024 : Number(limits[0] ?? 1_024n)
}

/** The number of the next descriptor: all lower ones are in use. Negative if none is free. */
export function lowestFreeDescriptor(): number {
  const fd = open('/dev/null', O_RDONLY)
  if (fd >= 0) close(fd)
  return fd
}

/** The connections among the descriptors below `end`. */
export function openConnections(end: number): readonly Connection[] {
  const connections: Connection[] = []
  for (let descriptor = 3; descriptor < end; descriptor++) {
    const length = socketOption(descriptor, IPPROTO_TCP, TCP_INFO, info)
    if (length < LAST_DATA_SENT + 4 || !CONNECTED.has(info[0] ?? 0)) continue
    connections.push({
      descriptor,
      // Kernels before 4.6 do not report this; then only the time counts.
      hasReceived: length < BYTES_RECEIVED + 8 || view.getBigUint64(BYTES_RECEIVED, true) > 0n,
      hasSent: length < DATA_SEGMENTS_OUT + 4 || view.getUint32(DATA_SEGMENTS_OUT, true) > 0,
      port: peerPort(descriptor),
      idleMs: view.getUint32(LAST_DATA_SENT, true),
    })
  }
  return connections
}

export function closeConnection({ descriptor }: Connection): void {
  shutDown(descriptor)
}

/** At the same offset for IPv4 and IPv6, in network byte order. */
function peerPort(descriptor: number): number {
  return peerInto(descriptor, address) < 0 ? 0 : new DataView(address.buffer).getUint16(2)
}

const IPPROTO_TCP = 6
const TCP_INFO = 11
/** ESTABLISHED and CLOSE_WAIT. */
const CONNECTED: ReadonlySet<number> = new Set([1, 8])

/** Offsets in `struct tcp_info`, whose first byte is the state. */
const LAST_DATA_SENT = 44
const BYTES_RECEIVED = 128
const DATA_SEGMENTS_OUT = 156

const address = new Uint8Array(128)
const info = new Uint8Array(160)
const view = new DataView(info.buffer)
