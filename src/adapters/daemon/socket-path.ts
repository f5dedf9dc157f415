import { chmodSync, mkdirSync, unlinkSync } from 'node:fs'
import { dirname } from 'node:path'
import { notSocket, replaceableSocket } from '../../domain/daemon-errors.ts'
import { foreignStep, isRenamableByOthers, isRoot } from '../files/ownership.ts'
import { ENOENT } from '../kernel/libc/errno.ts'
import { S_IFMT, S_IFSOCK, statusOf } from '../kernel/libc/paths.ts'

/** Creates the folder of the socket. Throws `permission-denied` if other accounts could replace the socket. */
export function prepareSocketFolder(path: string): void {
  const folder = dirname(path)
  const step = isRoot() ? foreignStep(path) : null
  if (step !== null) throw replaceableSocket(step.path)
  // The umask reduces the mode of a new folder, and every account must reach the socket.
  if (mkdirSync(folder, { recursive: true }) !== undefined) chmodSync(folder, 0o755)
  if (isRenamableByOthers(folder)) throw replaceableSocket(folder)
}

/** Removes the socket of an earlier daemon. Throws `failure` if it is no socket. */
export function removeSocket(path: string): void {
  const status = statusOf(path)
  if (status === -ENOENT) return
  if (typeof status !== 'number' && (status.mode & S_IFMT) !== S_IFSOCK) throw notSocket(path)
  unlinkSync(path)
}
