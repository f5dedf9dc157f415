import { dlopen, ptr } from 'bun:ffi'
import { readFileSync } from 'node:fs'

const PR_SET_CHILD_SUBREAPER = 36
const PIDFD_OPEN = 434
const POLL_IN = 1

/**
 * Makes this process the parent of the background processes that its children leave. Then it can wait for their exit
 * without polling.
 */
export function adoptOrphans() {
  const { symbols: libc } = dlopen('libc.so.6', {
    prctl: { args: ['int', 'u64', 'u64', 'u64', 'u64'], returns: 'int' },
    syscall: { args: ['i64', 'i64', 'i64'], returns: 'i64' },
    poll: { args: ['ptr', 'u64', 'int'], returns: 'int' },
    waitpid: { args: ['int', 'ptr', 'int'], returns: 'int' },
    close: { args: ['int'], returns: 'int' },
  })
  libc.prctl(PR_SET_CHILD_SUBREAPER, 1n, 0n, 0n, 0n)

  const present = new Set(children())
  const others = () => children().filter((pid) => !present.has(pid))
  const waitForEnd = (pid: number): void => {
    const pidfd = Number(libc.syscall(PIDFD_OPEN, pid, 0))
    if (pidfd < 0) return
    const polled = new Int32Array([pidfd, POLL_IN])
    libc.poll(ptr(polled), 1, -1)
    libc.close(pidfd)
    libc.waitpid(pid, null, 0)
  }
  return {
    /**
     * Blocks until all children have exited that this process did not have before, except those with this word in their
     * command line; returns their number.
     */
    waitForAll: (except?: string): number => {
      const waitedFor = () => others().filter((pid) => except === undefined || !wordsOf(pid).includes(except))
      let ended = 0
      for (let pids = waitedFor(); pids.length > 0; pids = waitedFor()) {
        for (const pid of pids) waitForEnd(pid)
        ended += pids.length
      }
      return ended
    },
    /** Kills them, for those that would go on for long. */
    killAll: (): void => {
      for (let pids = others(); pids.length > 0; pids = others()) {
        for (const pid of pids) {
          process.kill(pid, 'SIGKILL')
          waitForEnd(pid)
        }
      }
    },
  }
}

const wordsOf = (pid: number): readonly string[] => readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0')

/** The kernel lists children by the thread that created them. It lists adopted ones with the first thread. */
function children(): readonly number[] {
  const list = readFileSync(`/proc/self/task/${process.pid}/children`, 'utf8').trim()
  return list === '' ? [] : list.split(' ').map(Number)
}
