import { foreignSocket } from '../../domain/daemon-errors.ts'
import { foreignStep, isRoot, isRootOwner } from '../files/ownership.ts'
import { statusOf } from '../kernel/libc/paths.ts'

/** For a command of root: throws `permission-denied` if another account controls the socket. */
export function refuseForeignSocket(path: string): void {
  if (!isRoot()) return
  const step = foreignStep(path)
  if (step !== null) throw foreignSocket(path, step.path)
  const status = statusOf(path)
  if (typeof status !== 'number' && !isRootOwner(status.uid)) throw foreignSocket(path, path)
}
