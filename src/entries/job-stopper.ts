import { currentMoment } from '../adapters/kernel/clock.ts'
import { JobProcesses } from '../adapters/kernel/job-processes.ts'
import { write } from '../adapters/kernel/libc/descriptors.ts'
import { effectiveUid, takeRightsOf } from '../adapters/kernel/libc/rights.ts'
import { watchProcess } from '../adapters/kernel/wait.ts'
import type { Millis, ProcessIdentity } from '../domain/pool/model.ts'

const SIGINT = 2
const SIGKILL = 9

const STDOUT = 1

/**
 * First interval between checks whether the job has ended. It grows, because some processes cannot be killed, and a check
 * reads all of `/proc`.
 */
const CHECK_AFTER_MS: Millis = 100
const CHECK_EVERY_MS: Millis = 5_000
/** Time for a job to end after SIGKILL, if no daemon runs. */
const ENDS_WITHIN_MS: Millis = 60_000

/** The whole input of a stopper. It needs no check, because a daemon of the same version wrote it. */
export interface StopTask {
  readonly reservation: string
  readonly process: ProcessIdentity
  /** The account of the job. */
  readonly uid: number
  readonly gid: number
  /** Steady time of SIGKILL, if the daemon has ended by then. */
  readonly killAt: Millis
}

/** An order to a stopper, one byte on its standard input. It answers an interrupt with a byte when SIGINT is sent. */
export const STOPPER_ORDERS = { interrupt: 'i', kill: 'k' } as const

/**
 * Signals the processes of a job that has reached its time limit: `canhazgpu __stop <task>`, started by the daemon. The
 * kernel lets it signal only what the account of the job may signal, but the account cannot signal it. It opens no file
 * that the account controls. Ends when all processes of the job have ended.
 * If the daemon ends before, it kills the job in time.
 */
export async function stopMain(text: string): Promise<void> {
  const task = JSON.parse(text) as StopTask
  const command = watchProcess(task.process)
  if (task.uid !== effectiveUid()) takeRightsOf(task.uid, task.gid)
  const processes = new JobProcesses(command, task.reservation, task.uid)
  let state = 'waiting' as 'waiting' | 'interrupted' | 'killing'
  let hasDaemon = true
  let checkAfter = CHECK_AFTER_MS
  const follow = async () => {
    for await (const orders of Bun.stdin.stream()) {
      const given = new TextDecoder().decode(orders)
      if (given.includes(STOPPER_ORDERS.interrupt)) {
        processes.signal(SIGINT)
        state = 'interrupted'
        write(STDOUT, new Uint8Array([0]))
      }
      if (given.includes(STOPPER_ORDERS.kill)) {
        state = 'killing'
        processes.signal(SIGKILL)
        checkAfter = CHECK_AFTER_MS
      }
    }
    hasDaemon = false
  }
  void follow()
  for (;;) {
    const late = currentMoment().steady.ms - task.killAt
    if (!hasDaemon && state === 'interrupted' && late >= 0) state = 'killing'
    if (state === 'killing') processes.signal(SIGKILL)
    // A job that was not interrupted is the task of the next daemon.
    const isIdle = !hasDaemon && (state === 'waiting' || late > ENDS_WITHIN_MS)
    if (isIdle || processes.haveEnded()) return
    await Bun.sleep(late < 0 ? Math.min(checkAfter, -late) : checkAfter)
    checkAfter = Math.min(checkAfter * 1.2, CHECK_EVERY_MS)
  }
}
