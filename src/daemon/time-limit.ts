import { interruptLine, KILL_LINE } from '../app/supervise.ts'
import { CanhazgpuError } from '../domain/errors.ts'
import type { Liveness, Millis, ProcessIdentity, Reservation, RunTerm } from '../domain/pool/model.ts'
import type { EndSignal } from '../ports/process-exits.ts'

/** Time for the stopper to send a signal. After it the daemon signals the command itself. */
const KILL_WITHIN_MS: Millis = 2_000
/** On a busy machine a second SIGINT would be worse than a late one. With a short grace period there is less time. */
const INTERRUPT_WITHIN_MS: Millis = 5_000
/** Time for the stopper to kill what is left of a job when its command has ended. */
const KILL_REST_WITHIN_MS: Millis = 60_000

const CHECK_EVERY_MS: Millis = 250
/** A killed process may stay in an uninterruptible system call. */
const KILL_AGAIN_AFTER_MS: Millis = 5_000

/** A run that has reached its time limit. */
export interface DueRun {
  readonly run: Reservation<RunTerm>
  /** Time from SIGINT to SIGKILL. */
  readonly grace: Millis
  /** Time until it must be killed, by its grant. Negative if no daemon ran at that time. */
  readonly killIn: Millis
}

export interface StoppedJob {
  readonly run: Reservation<RunTerm>
  /** Steady time of SIGKILL. */
  readonly killAt: Millis
}

/** A child that signals all processes of a job with the rights of the account of the job. */
export interface Stopper {
  /** Resolves with true when SIGINT has been sent, or with false if the child has ended before. */
  interrupt(): Promise<boolean>
  /** Sends SIGKILL again and again until all processes have ended. */
  kill(): void
  /** Whether the child has ended. It ends when all processes of the job have ended. */
  hasEnded(): boolean
  end(): void
}

export interface TimeLimitParts {
  readonly processes: {
    readonly alive: (process: ProcessIdentity) => Liveness
    readonly signal: (process: ProcessIdentity, signal: EndSignal) => void
  }
  readonly startStopper: (job: StoppedJob) => Stopper
  /** Writes a line to the standard error of the command. Resolves when the writer has opened it, or after a second. */
  readonly tell: (run: Reservation<RunTerm>, line: string) => Promise<void>
  /** The times at which jobs were interrupted. They outlive the daemon, but not the machine. */
  readonly interrupts: {
    /** Null if the job was not interrupted. */
    read(process: ProcessIdentity): Millis | null
    /** False if the time cannot be stored, for example on a full disk. */
    note(process: ProcessIdentity, at: Millis): boolean
    forget(process: ProcessIdentity): void
  }
  /** Steady time. */
  readonly clock: () => Millis
  readonly pause: (ms: Millis) => Promise<void>
  readonly log: (error: unknown) => void
}

/**
 * Ends a run at its time limit: SIGINT, and SIGKILL after the grace period. Resolves when its command has ended. A child
 * with the rights of the account sends both signals to all processes of the job. Whatever happens to that child, the
 * daemon itself then sends them to the command, whose process it knows from the kernel. Nothing that the account
 * controls delays them. After a restart of the daemon there is no second SIGINT, and the grace period is not longer.
 */
export async function stopAtLimit({ run, grace, killIn }: DueRun, parts: TimeLimitParts): Promise<void> {
  const { interrupts, clock } = parts
  const { process } = run.term
  const interruptedAt = interrupts.read(process)
  const now = clock()
  const isNoted = interruptedAt !== null || interrupts.note(process, now)
  // If the time cannot be stored, each restart of the daemon would begin a new grace period.
  const killAt = isNoted ? (interruptedAt ?? now) + grace : now + killIn
  let stopper = started({ run, killAt }, parts)
  if (interruptedAt === null) {
    await parts.tell(run, interruptLine(grace))
    stopper = await interrupt({ run, killAt }, stopper, parts)
  }
  const isAlive = () => parts.processes.alive(process) === 'alive'
  const isOver = () => stopper.hasEnded() && !isAlive()
  await until(killAt, isOver, parts)
  if (!isOver()) {
    if (stopper.hasEnded()) stopper = started({ run, killAt }, parts)
    if (isAlive()) await parts.tell(run, KILL_LINE)
    stopper.kill()
    await until(clock() + KILL_WITHIN_MS, () => !isAlive(), parts)
    await killCommand(run, parts)
    await until(clock() + KILL_REST_WITHIN_MS, () => stopper.hasEnded(), parts)
  }
  stopper.end()
  interrupts.forget(process)
}

function started(job: StoppedJob, { startStopper, log }: TimeLimitParts): Stopper {
  try {
    return startStopper(job)
  } catch (error) {
    // For example, an account may have as many processes as the machine allows.
    log(error)
    return NO_STOPPER
  }
}

const NO_STOPPER: Stopper = {
  interrupt: async () => false,
  kill: () => {},
  hasEnded: () => true,
  end: () => {},
}

/** Returns the stopper that continues. */
async function interrupt(job: StoppedJob, stopper: Stopper, parts: TimeLimitParts): Promise<Stopper> {
  const { processes, pause, clock } = parts
  const within = Math.max(KILL_WITHIN_MS, Math.min(INTERRUPT_WITHIN_MS, job.killAt - clock()))
  const isSent = await Promise.race([stopper.interrupt(), pause(within).then(() => false)])
  if (isSent) return stopper
  // It must not send a second SIGINT later.
  stopper.end()
  processes.signal(job.run.term.process, 'SIGINT')
  return started(job, parts)
}

async function killCommand(
  { id, term: { process } }: Reservation<RunTerm>,
  parts: TimeLimitParts,
): Promise<void> {
  const { processes, clock, log } = parts
  const isAlive = () => processes.alive(process) === 'alive'
  for (let attempt = 1; isAlive(); attempt++) {
    processes.signal(process, 'SIGKILL')
    if (attempt === 2) log(stillAlive(id, process))
    await until(clock() + KILL_AGAIN_AFTER_MS, () => !isAlive(), parts)
  }
}

const stillAlive = (id: string, { pid }: ProcessIdentity) =>
  new CanhazgpuError(
    'failure',
    `Process ${pid} of the run ${id} has reached its time limit and does not end after SIGKILL; its GPUs stay reserved`,
  )

/** Waits until this time, or until `isOver`. */
async function until(at: Millis, isOver: () => boolean, { clock, pause }: TimeLimitParts): Promise<void> {
  while (!isOver() && clock() < at) await pause(Math.min(CHECK_EVERY_MS, at - clock()))
}
