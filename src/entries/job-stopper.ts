import { openStopFile, type StopFile } from '../adapters/daemon/stop-file.ts'
import { currentMoment } from '../adapters/kernel/clock.ts'
import { JobProcesses } from '../adapters/kernel/job-processes.ts'
import { becomeAccount, effectiveUid } from '../adapters/kernel/libc.ts'
import { visibilityHere } from '../adapters/kernel/processes.ts'
import { watchProcess } from '../adapters/kernel/wait.ts'
import { killRemaining, type Stopping, stopJob } from '../app/supervise.ts'
import type { Millis, ProcessIdentity } from '../domain/pool/model.ts'
import { openCommandStderr } from './command-stderr.ts'

const SIGINT = 2
const SIGKILL = 9

/** How often to check whether an earlier stopper of the same job still runs. */
const CHECK_EVERY_MS: Millis = 100

/** The whole input of a stopper. It needs no check, because a daemon of the same version wrote it. */
export interface StopTask {
  readonly reservation: string
  readonly process: ProcessIdentity
  /** The account of the job. */
  readonly uid: number
  readonly gid: number
  /** Time from SIGINT to SIGKILL. */
  readonly grace: Millis
  /** The file of its standard error when its GPUs were granted. */
  readonly stderr: string | null
  /** The stop file of the job (adapters/daemon/stop-file.ts). */
  readonly file: string
}

/**
 * Stops a job that has reached its time limit: `canhazgpu __stop <task>`, started by the daemon. It takes the account
 * of the job first, so the kernel lets it signal only what that account may signal. Ends when the job has ended.
 */
export async function stopMain(text: string): Promise<void> {
  const task = JSON.parse(text) as StopTask
  const command = watchProcess(task.process)
  if (visibilityHere(task.process) === 'absent') return
  const stderr = openCommandStderr(command, task.stderr)
  const file = openStopFile(task.file)
  if (task.uid !== effectiveUid()) becomeAccount(task.uid, task.gid)
  const processes = new JobProcesses(command, task.reservation)
  const stopping: Stopping = {
    job: {
      interrupt: () => processes.signal(SIGINT),
      kill: () => processes.signal(SIGKILL),
      isOver: () => {
        // Its terminal or pipe must not stay open while its background processes are stopped.
        if (processes.hasCommandEnded()) stderr.close()
        return processes.haveEnded()
      },
      writeStderr: (line) => stderr.write(line),
    },
    clock: () => currentMoment().steady.ms,
    sleep: (ms) => Bun.sleep(ms),
  }
  if (file === null || (await isOnlyStopper(file, stopping))) await stopOnce(stopping, file, task.grace)
}

/** Waits for a stopper that an earlier daemon started. False if the job ends meanwhile. */
async function isOnlyStopper(file: StopFile, { job, sleep }: Stopping): Promise<boolean> {
  while (!file.tryLock()) {
    if (job.isOver()) return false
    await sleep(CHECK_EVERY_MS)
  }
  return true
}

async function stopOnce(stopping: Stopping, file: StopFile | null, grace: Millis): Promise<void> {
  const earlier = file?.interruptedAt() ?? null
  if (earlier !== null) return killRemaining(stopping, earlier + grace)
  const interruptAt = stopping.clock()
  file?.noteInterrupt(interruptAt)
  await stopJob(stopping, { interruptAt, killAt: interruptAt + grace })
}
