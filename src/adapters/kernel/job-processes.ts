import * as libc from './libc.ts'
import { jobMembers, type Members } from './process-tree.ts'
import { processStat } from './processes.ts'
import { type WatchedProcess, waitFor } from './wait.ts'

/**
 * The processes of one job, for the time from its interruption to its end. A signal reaches only a process that
 * was found to belong to the job twice, before and after a pidfd was opened for it: its pid may be of another
 * process by now. What processes belong to the job is told by the kernel and by the launcher, never by the pool.
 */
export class JobProcesses {
  readonly #command: WatchedProcess
  readonly #reservation: string
  #found: Members = new Map()
  /** Found by two looks in a row. They stay in the job when their parent ends. */
  #known: Members = new Map()

  constructor(command: WatchedProcess, reservation: string) {
    this.#command = command
    this.#reservation = reservation
  }

  /** Signals all of them, the command first, parents before children. */
  signal(signal: number): void {
    const targets = opened(this.#look())
    // All are confirmed before the first is signalled: its end would give its children another parent.
    const confirmed = this.#look()
    if (!this.hasCommandEnded()) signalCommand(this.#command, signal)
    for (const { pid, startTime, pidfd } of targets) {
      const isConfirmed = confirmed.get(pid) === startTime && pid !== this.#command.identity.pid
      if (isConfirmed) send({ pid, startTime, pidfd }, signal)
      if (pidfd >= 0) libc.close(pidfd)
    }
  }

  hasCommandEnded(): boolean {
    return waitFor({ process: this.#command }, 0) === 'exited'
  }

  /** Whether the command and everything it started have ended, as far as we can see. */
  haveEnded(): boolean {
    return this.hasCommandEnded() && this.#look().size === 0
  }

  #look(): Members {
    const found = jobMembers({
      command: this.#command.identity,
      reservation: this.#reservation,
      known: this.#known,
    })
    this.#known = new Map([...found].filter(([pid, startTime]) => this.#found.get(pid) === startTime))
    this.#found = found
    return found
  }
}

interface Target {
  readonly pid: number
  readonly startTime: number
  /** Negative if there is none: kernels before 5.3, a filter of system calls, too many open files. */
  readonly pidfd: number
}

/** This many descriptors are left for reading `/proc`. */
const SPARE = 8

/** With a pidfd for as many as the limit of open files allows; nothing could be confirmed without any left. */
function opened(members: Members): readonly Target[] {
  const pidfds: number[] = []
  for (const pid of members.keys()) {
    const pidfd = libc.pidfdOpen(pid)
    if (pidfd === -libc.EMFILE || pidfd === -libc.ENFILE) {
      for (const spare of pidfds.splice(-SPARE)) libc.close(spare)
      break
    }
    pidfds.push(pidfd)
  }
  return [...members].map(([pid, startTime], at) => ({ pid, startTime, pidfd: pidfds[at] ?? -1 }))
}

function signalCommand({ identity, pidfd, isHanded }: WatchedProcess, signal: number): void {
  // The descriptor that the command's own process opened is of no other, so no pid has to be believed.
  if (isHanded && pidfd !== null && libc.pidfdSendSignal(pidfd, signal) !== -libc.ENOSYS) return
  send({ ...identity, pidfd: pidfd ?? -1 }, signal)
}

function send({ pid, startTime, pidfd }: Target, signal: number): void {
  // 0, 1 and negative numbers stand for groups, for everybody, or for the first process of the machine.
  if (pid <= 1) return
  if (processStat(pid)?.startTime !== startTime) return
  if (pidfd < 0 || libc.pidfdSendSignal(pidfd, signal) === -libc.ENOSYS) libc.kill(pid, signal)
}
