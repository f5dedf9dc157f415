import { currentMoment } from '../adapters/kernel/clock.ts'
import { JobProcesses } from '../adapters/kernel/job-processes.ts'
import { becomeAccount, effectiveUid, isTerminal, pidfdGetDescriptor } from '../adapters/kernel/libc.ts'
import { visibilityHere } from '../adapters/kernel/processes.ts'
import { watchProcess } from '../adapters/kernel/wait.ts'
import { writeMessage } from '../adapters/process/message.ts'
import { type Job, stopJob } from '../app/supervise.ts'
import type { Millis, ProcessIdentity } from '../domain/pool/model.ts'

const SIGINT = 2
const SIGKILL = 9
const STDERR = 2

/** Everything that a stopper acts on. The daemon writes it, and starts the same version. */
export interface StopTask {
  readonly reservation: string
  readonly process: ProcessIdentity
  /** The account of the job. */
  readonly uid: number
  readonly gid: number
  /** Time from SIGINT to SIGKILL. */
  readonly grace: Millis
}

/**
 * Stops a job that has reached its time limit: `canhazgpu __stop <task>`, started by the daemon. It takes the account
 * of the job first, so the kernel lets it signal only what that account may signal. Ends when the job has ended.
 */
export async function stopMain(text: string): Promise<void> {
  const task = JSON.parse(text) as StopTask
  const command = watchProcess(task.process)
  if (visibilityHere(task.process) === 'absent') return
  const stderr = command.pidfd === null ? -1 : pidfdGetDescriptor(command.pidfd, STDERR)
  if (task.uid !== effectiveUid()) becomeAccount(task.uid, task.gid)
  const processes = new JobProcesses(command, task.reservation)
  const job: Pick<Job, 'interrupt' | 'kill' | 'isOver' | 'writeStderr'> = {
    interrupt: () => processes.signal(SIGINT),
    kill: () => processes.signal(SIGKILL),
    isOver: () => processes.haveEnded(),
    writeStderr: (line) => {
      // The command may have replaced its stderr by a file of its own.
      if (stderr >= 0 && isTerminal(stderr)) writeMessage(stderr, line)
    },
  }
  const clock = () => currentMoment().steady.ms
  const interruptAt = clock()
  const limit = { interruptAt, killAt: interruptAt + task.grace }
  await stopJob({ job, clock, sleep: (ms) => Bun.sleep(ms) }, limit)
}
