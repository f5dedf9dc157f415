import type { ProcessIdentity } from '../../domain/pool/model.ts'
import { close } from './libc/descriptors.ts'
import { EMFILE, ENFILE, ENOSYS } from './libc/errno.ts'
import { kill, pidfdOpen, pidfdSendSignal } from './libc/process.ts'
import { jobMembers, type Members, userOf } from './process-tree.ts'
import { processStat } from './processes.ts'
import { type WatchedProcess, waitFor } from './wait.ts'

/**
 * The processes of one job, from its interruption to its end. A process gets a signal only if two searches find it in
 * the job: one before its pidfd is opened, and one after, because its pid may belong to another process by then. The
 * kernel and the launcher define which processes belong to the job, never the pool.
 */
export class JobProcesses {
  readonly #command: WatchedProcess
  readonly #reservation: string
  readonly #user: number | null
  #found: Members = new Map()
  /** Found by two searches in a row. They stay in the job when their parent exits. */
  #known: Members = new Map()

  /** `user` is the account of the job; by default that of this process. */
  constructor(command: WatchedProcess, reservation: string, user: number | null = userOf('self')) {
    this.#command = command
    this.#reservation = reservation
    this.#user = user
  }

  /** Signals all of them: the command first, parents before children. */
  signal(signal: number): void {
    const targets = withPidfds(this.#search())
    // All are confirmed before the first signal, because the children of a process that exits get another parent.
    const confirmed = this.#search()
    if (!this.hasCommandEnded()) signalCommand(this.#command, signal)
    for (const { pid, startTime, pidfd } of targets) {
      const isConfirmed = confirmed.get(pid) === startTime && pid !== this.#command.identity.pid
      if (isConfirmed) send({ pid, startTime, pidfd }, signal)
      if (pidfd >= 0) close(pidfd)
    }
  }

  hasCommandEnded(): boolean {
    return waitFor({ process: this.#command }, 0) === 'exited'
  }

  /** Whether the command and all known processes it started have exited. */
  haveEnded(): boolean {
    return this.hasCommandEnded() && this.#search().size === 0
  }

  #search(): Members {
    const found = jobMembers({
      command: this.#command.identity,
      reservation: this.#reservation,
      user: this.#user,
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
  /** Negative if there is none: kernels before 5.3, a seccomp filter, too many open files. */
  readonly pidfd: number
}

/** Number of descriptors kept free for reading `/proc`. */
const SPARE = 8

/**
 * Opens a pidfd for each process while the limit of open files allows it. The second search needs free descriptors too.
 */
function withPidfds(members: Members): readonly Target[] {
  const pidfds: number[] = []
  for (const pid of members.keys()) {
    const pidfd = pidfdOpen(pid)
    if (pidfd === -EMFILE || pidfd === -ENFILE) {
      for (const spare of pidfds.splice(-SPARE)) close(spare)
      break
    }
    pidfds.push(pidfd)
  }
  return [...members].map(([pid, startTime], at) => ({ pid, startTime, pidfd: pidfds[at] ?? -1 }))
}

function signalCommand({ identity, pidfd, isPassed }: WatchedProcess, signal: number): void {
  // The command opened this descriptor of itself, so the pid needs no check.
  if (isPassed && pidfd !== null && pidfdSendSignal(pidfd, signal) !== -ENOSYS) return
  send({ ...identity, pidfd: pidfd ?? -1 }, signal)
}

/** Signals exactly this process of our own pid namespace, if it still runs. */
export function signalProcess(
  { pid, startTime }: Pick<ProcessIdentity, 'pid' | 'startTime'>,
  signal: number,
): void {
  const pidfd = pidfdOpen(pid)
  send({ pid, startTime, pidfd }, signal)
  if (pidfd >= 0) close(pidfd)
}

function send({ pid, startTime, pidfd }: Target, signal: number): void {
  // kill(2) takes 0 and negative numbers for groups or all processes, and 1 is init.
  if (pid <= 1) return
  if (processStat(pid)?.startTime !== startTime) return
  if (pidfd < 0 || pidfdSendSignal(pidfd, signal) === -ENOSYS) kill(pid, signal)
}
