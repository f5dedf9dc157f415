import { SubordinateUids } from '../accounts/subordinate-uids.ts'
import { steadyNow } from '../kernel/clock.ts'
import { close } from '../kernel/libc/descriptors.ts'
import { EBADF, EINTR, EINVAL } from '../kernel/libc/errno.ts'
import { accept, hasHungUp, sendAndClose } from '../kernel/unix-socket.ts'
import { ClosedConnections } from './closed-connections.ts'
import { ConnectionCounts } from './connection-counts.ts'
import { ConnectionRates } from './connection-rates.ts'
import { type PeerCredentials, peerCredentials } from './peer.ts'

declare const self: Worker

export interface Accepting {
  /** The descriptor of the listening socket. */
  readonly listener: number
  /** The message for an account that connects too often, or has too many connections. */
  readonly refusal: Uint8Array
  readonly mostConnections: number
  /** Of `ClosedConnections`. */
  readonly closed: SharedArrayBuffer
}

/** An open connection. */
export interface Accepted extends PeerCredentials {
  readonly fd: number
  /** See `Peer`. */
  readonly countedAs: number
}

/** Time until the next attempt after a failure, for example because all descriptors are in use. */
const RETRY_AFTER_MS = 20

/**
 * Accepts connections in a thread of its own, and posts those that are not refused. Clients can connect and disconnect
 * so quickly that the event loop of the daemon would do nothing but accept and refuse.
 */
self.onmessage = ({ data: { listener, refusal, mostConnections, closed } }: MessageEvent<Accepting>) => {
  const rates = new ConnectionRates()
  const subordinates = new SubordinateUids()
  const counts = new ConnectionCounts(mostConnections)
  const closedOnes = new ClosedConnections(closed)
  const admits = (countedAs: number) => {
    closedOnes.take((of) => counts.close(of))
    return rates.allows(countedAs, steadyNow()) && counts.open(countedAs)
  }
  for (;;) {
    const fd = accept(listener)
    if (fd === -EBADF || fd === -EINVAL) return
    if (fd < 0) {
      if (fd !== -EINTR) Bun.sleepSync(RETRY_AFTER_MS)
      continue
    }
    // A client that has disconnected reads no answer.
    const credentials = hasHungUp(fd) ? null : peerCredentials(fd)
    if (credentials === null) {
      close(fd)
      continue
    }
    const { uid } = credentials
    const countedAs = subordinates.ownerOf(uid) ?? uid
    if (admits(countedAs)) postMessage({ ...credentials, countedAs, fd } satisfies Accepted)
    else sendAndClose(fd, refusal)
  }
}
