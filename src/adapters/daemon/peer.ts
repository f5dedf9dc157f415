import type { ProcessIdentity } from '../../domain/pool/model.ts'
import { bootId, pidNamespace } from '../kernel/boot.ts'
import { close } from '../kernel/libc/descriptors.ts'
import { ENOPROTOOPT, ESRCH } from '../kernel/libc/errno.ts'
import { pidfdOpen, pidfdSendSignal } from '../kernel/libc/process.ts'
import { socketOption } from '../kernel/libc/sockets.ts'
import { hasEnded, processStat, processUsers } from '../kernel/processes.ts'

/** Options of a socket on every architecture (socket(7)). */
const SOL_SOCKET = 1
const SO_PEERCRED = 17
/** Linux 4.13. */
const SO_PEERGROUPS = 59
/** NGROUPS_MAX of the kernel. */
const MOST_GROUPS = 65_536
/** Linux 6.5. */
const SO_PEERPIDFD = 77

/** The process that connected, and its effective uid at that time, as the kernel reports them. */
export interface PeerCredentials {
  readonly pid: number
  readonly uid: number
  readonly gid: number
}

/** Null if the kernel gives no credentials. */
export function peerCredentials(fd: number): PeerCredentials | null {
  // `struct ucred`: pid, uid, gid.
  const credentials = new Uint8Array(12)
  if (socketOption(fd, SOL_SOCKET, SO_PEERCRED, credentials) !== credentials.length) return null
  const view = new DataView(credentials.buffer)
  return { pid: view.getInt32(0, true), uid: view.getUint32(4, true), gid: view.getUint32(8, true) }
}

/** The Unix groups of that process, the effective one included. */
export function peerGroups(fd: number, { gid }: PeerCredentials): readonly number[] {
  return [gid, ...supplementaryGroups(fd)]
}

function supplementaryGroups(fd: number): readonly number[] {
  const few = groupsInto(fd, 256)
  return few ?? groupsInto(fd, MOST_GROUPS) ?? []
}

/** Null if the peer has more groups, or the kernel does not report them. */
function groupsInto(fd: number, most: number): readonly number[] | null {
  const groups = new Uint8Array(4 * most)
  const length = socketOption(fd, SOL_SOCKET, SO_PEERGROUPS, groups)
  return length < 0 ? null : Array.from(new Uint32Array(groups.buffer, 0, length / 4))
}

/**
 * Null if that process has ended already, or has a pid that is not visible here. Must be called when the connection is
 * accepted. The pidfd proves that the process still exists after its start time was read, so the pid was not reused.
 */
export function peerProcess(fd: number, { pid, uid }: PeerCredentials): ProcessIdentity | null {
  const pidfd = pid <= 0 ? -ESRCH : pidfdOf({ fd, pid, uid })
  if (pidfd < 0) return null
  try {
    const stat = processStat(pid)
    if (stat === null || hasEnded(stat) || pidfdSendSignal(pidfd, 0) === -ESRCH) return null
    return { pid, startTime: stat.startTime, bootId: bootId(), pidNamespace: pidNamespace() }
  } finally {
    close(pidfd)
  }
}

interface Peer {
  readonly fd: number
  readonly pid: number
  readonly uid: number
}

function pidfdOf({ fd, pid, uid }: Peer): number {
  const pidfd = new Uint8Array(4)
  const got = socketOption(fd, SOL_SOCKET, SO_PEERPIDFD, pidfd)
  if (got === pidfd.length) return new DataView(pidfd.buffer).getInt32(0, true)
  // The peer has exited.
  if (got !== -ENOPROTOOPT) return -ESRCH
  // On an older kernel the peer may have exited and another process may have its pid. That process is accepted only if
  // it belongs to the same account.
  const opened = pidfdOpen(pid)
  const users = processUsers(pid)
  if (opened < 0 || users?.real === uid || users?.effective === uid) return opened
  close(opened)
  return -ESRCH
}
