import { readText } from '../adapters/kernel/procfs.ts'
import { selfCommand } from '../adapters/process/self.ts'
import type { DaemonParts } from '../daemon/daemon.ts'
import type { StoppedJob, Stopper } from '../daemon/time-limit.ts'
import type { Millis, Reservation, RunTerm } from '../domain/pool/model.ts'
import type { MessageTask } from './job-message.ts'
import { STOPPER_ORDERS, type StopTask } from './job-stopper.ts'

/** Starts the child that signals the processes of a job at its time limit. */
export function startStopper({ run, killAt }: StoppedJob): Stopper {
  const task: StopTask = { reservation: run.id, ...targetOf(run), killAt }
  const child = Bun.spawn(selfCommand(['__stop', JSON.stringify(task)]), {
    ...{ cwd: '/', env: {}, stdin: 'pipe', stdout: 'pipe', stderr: 'inherit' },
  })
  const order = async (what: keyof typeof STOPPER_ORDERS) => {
    try {
      await child.stdin.write(STOPPER_ORDERS[what])
      await child.stdin.flush()
    } catch {
      // It has ended.
    }
  }
  return {
    interrupt() {
      void order('interrupt')
      return hasAnswered(child.stdout)
    },
    kill: () => void order('kill'),
    hasEnded: () => child.exitCode !== null || child.signalCode !== null,
    end: () => child.kill('SIGKILL'),
  }
}

/** Time for the writer of a message to open the standard error of the command. */
const OPENED_WITHIN_MS: Millis = 1_000
/** Its user may have made the file system of that file, so a write may block for ever. */
const WRITTEN_WITHIN_MS: Millis = 10_000
/** A blocked writer cannot always be killed. The messages to further commands of its account are left out. */
const MOST_WRITERS_PER_ACCOUNT = 4

/** Writes messages to commands, each in a child. */
export function openMessenger(): DaemonParts['tell'] {
  const writers = new Map<number, number>()
  const count = (uid: number, by: number) => writers.set(uid, (writers.get(uid) ?? 0) + by)
  return async (run, stderr, line) => {
    const target = targetOf(run)
    if ((writers.get(target.uid) ?? 0) >= MOST_WRITERS_PER_ACCOUNT) return
    const task: MessageTask = { ...target, stderr, line }
    const child = Bun.spawn(selfCommand(['__tell', JSON.stringify(task)]), {
      ...{ cwd: '/', env: {}, stdin: 'ignore', stdout: 'pipe', stderr: 'inherit' },
      ...{ timeout: WRITTEN_WITHIN_MS, killSignal: 'SIGKILL' },
    })
    count(target.uid, 1)
    void child.exited.then(() => count(target.uid, -1))
    await Promise.race([hasAnswered(child.stdout), Bun.sleep(OPENED_WITHIN_MS)])
  }
}

/** Resolves with true at the first byte from a child, or with false when it has ended without one. */
async function hasAnswered(stdout: ReadableStream<Uint8Array>): Promise<boolean> {
  const reader = stdout.getReader()
  const { done } = await reader.read()
  reader.releaseLock()
  return !done
}

/** The process of a job, and the account whose rights a child takes to act on it. */
function targetOf({ owner, term: { process } }: Reservation<RunTerm>) {
  return { process, uid: owner.account.uid, gid: groupOf(process.pid) }
}

/** The right to send signals does not depend on the group. */
export function groupOf(pid: number): number {
  const gid = /^Gid:\t(\d+)/m.exec(readText(`/proc/${pid}/status`) ?? '')?.[1]
  return gid === undefined ? NO_GROUP : Number(gid)
}

const NO_GROUP = 65_534
