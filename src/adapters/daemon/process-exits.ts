import type { ProcessIdentity } from '../../domain/pool/model.ts'
import type { ProcessExits } from '../../ports/process-exits.ts'
import { pidNamespace } from '../kernel/boot.ts'
import { epollAdd, epollCreate } from '../kernel/epoll.ts'
import { close, pidfdOpen } from '../kernel/libc.ts'
import { visibilityHere } from '../kernel/processes.ts'

interface Watched {
  readonly pidfd: number
  readonly exited: () => void
}

/**
 * Watches pidfds with epoll(7). A thread blocks in epoll_wait(2), because the event loop of the runtime cannot watch a
 * pidfd; descriptors are added from this thread while it waits.
 */
export function openProcessExits(): ProcessExits {
  const epoll = epollCreate()
  if (epoll < 0) throw new Error(`epoll_create1: errno ${-epoll}`)
  const watched = new Map<number, Watched>()
  let lastToken = 0
  const worker = new Worker(workerPath())
  worker.onmessage = ({ data: tokens }: MessageEvent<readonly number[]>) => {
    for (const token of tokens) {
      const found = watched.get(token)
      if (found === undefined) continue
      watched.delete(token)
      close(found.pidfd)
      found.exited()
    }
  }
  worker.onerror = ({ message }) => {
    throw new Error(`watching processes failed: ${message}`)
  }
  worker.postMessage(epoll)
  return {
    watch(process, exited) {
      const pidfd = openPidfd(process)
      if (pidfd === null) return null
      const token = ++lastToken
      watched.set(token, { pidfd, exited })
      if (epollAdd(epoll, pidfd, token) < 0) {
        watched.delete(token)
        close(pidfd)
        return null
      }
      return {
        stop: () => {
          if (watched.delete(token)) close(pidfd)
        },
      }
    },
  }
}

/** scripts/build.ts puts the worker at this path of the compiled executable. */
const workerPath = (): string =>
  Bun.main.startsWith('/$bunfs/')
    ? '/$bunfs/root/adapters/daemon/exit-worker.js'
    : `${import.meta.dir}/exit-worker.ts`

/** The pidfd is opened before the start time is compared, so a later process with the same pid is never watched. */
function openPidfd(identity: ProcessIdentity): number | null {
  if (identity.pidNamespace !== pidNamespace()) return null
  const pidfd = pidfdOpen(identity.pid)
  if (pidfd < 0) return null
  if (visibilityHere(identity) === 'visible') return pidfd
  close(pidfd)
  return null
}
