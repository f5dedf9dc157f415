import type { ProcessIdentity } from '../../domain/pool/model.ts'
import type { EndSignal, ProcessExits } from '../../ports/process-exits.ts'
import { pidNamespace } from '../kernel/boot.ts'
import { epollAdd, epollCreate, epollPoll } from '../kernel/epoll.ts'
import { signalProcess } from '../kernel/job-processes.ts'
import { close } from '../kernel/libc/descriptors.ts'
import { pidfdOpen, pidfdSendSignal } from '../kernel/libc/process.ts'
import { visibilityHere } from '../kernel/processes.ts'

interface Watched {
  readonly pidfd: number
  readonly exited: () => void
}

/**
 * Watches pidfds with epoll(7). A thread blocks in epoll_wait(2), because the event loop of the runtime cannot watch a
 * pidfd; descriptors are added from this thread while it waits. A second epoll descriptor answers `poll`: on a busy
 * machine the thread may be late.
 */
export function openProcessExits(): ProcessExits {
  const epoll = newEpoll()
  const polled = newEpoll()
  const watched = new Map<number, Watched>()
  let lastToken = 0
  const worker = new Worker(workerPath())
  const report = (tokens: readonly number[]) => {
    for (const token of tokens) {
      const found = watched.get(token)
      if (found === undefined) continue
      watched.delete(token)
      close(found.pidfd)
      found.exited()
    }
  }
  worker.onmessage = ({ data: tokens }: MessageEvent<readonly number[]>) => report(tokens)
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
      if (epollAdd(epoll, pidfd, token) < 0 || epollAdd(polled, pidfd, token) < 0) {
        watched.delete(token)
        close(pidfd)
        return null
      }
      return {
        signal: (signal) => {
          if (watched.has(token)) pidfdSendSignal(pidfd, NUMBERS[signal])
        },
        stop: () => {
          if (watched.delete(token)) close(pidfd)
        },
      }
    },
    signal(process, signal) {
      if (process.pidNamespace === pidNamespace()) signalProcess(process, NUMBERS[signal])
    },
    poll() {
      for (let tokens = epollPoll(polled); tokens.length > 0; tokens = epollPoll(polled)) report(tokens)
    },
  }
}

const NUMBERS: Readonly<Record<EndSignal, number>> = { SIGINT: 2, SIGKILL: 9 }

function newEpoll(): number {
  const epoll = epollCreate()
  if (epoll < 0) throw new Error(`epoll_create1: errno ${-epoll}`)
  return epoll
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
