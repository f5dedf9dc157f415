import { currentMoment } from '../adapters/kernel/clock.ts'
import { JobProcesses } from '../adapters/kernel/job-processes.ts'
import { close, F_SETFD, fcntl } from '../adapters/kernel/libc/descriptors.ts'
import { execve } from '../adapters/kernel/libc/programs.ts'
import { effectiveUid, takeRightsOf } from '../adapters/kernel/libc/rights.ts'
import { drain, waitFor, watchProcess } from '../adapters/kernel/wait.ts'
import { becomeDaemon } from '../adapters/process/detach.ts'
import { inheritedEnvironment, toByteText } from '../adapters/process/environment.ts'
import { writeMessage } from '../adapters/process/message.ts'
import { commandInstalledAt } from '../adapters/process/self.ts'
import { writeText } from '../adapters/process/terminal.ts'
import { storePlace, watchStore } from '../adapters/store/open.ts'
import { type Job, type Recording, recordEnd, type Supervision, supervise } from '../app/supervise.ts'
import { decodeTask, encodeTask, type SupervisorTask } from './supervisor-task.ts'

const SIGINT = 2
const SIGKILL = 9

/** Runs a supervisor: `canhazgpu __supervise <store> <reservation> <task>`. Returns its exit status. */
export async function superviseMain([
  store = '',
  reservation = '',
  text,
]: readonly string[]): Promise<number> {
  const task = decodeTask(text)
  if (task === null || !isStore(store)) {
    writeText(2, "Error: __supervise is only for 'canhazgpu run'\n")
    return 2
  }
  becomeDaemon()
  const { account } = task
  if (account !== undefined && account.uid !== effectiveUid()) takeRightsOf(account.uid, account.gid)
  const recording: Recording = {
    reservation,
    units: task.units,
    becomeSuccessor: (unfinished) => becomeSuccessor([store, reservation], { ...task, ...unfinished }),
    openPool: async (patience) => {
      const { openSupervisorPool } = await import('./supervisor-pool.ts')
      return openSupervisorPool(store, patience, await committedOf(task, store))
    },
    sleep: (ms) => Bun.sleep(ms),
  }
  if (task.outcome !== undefined) await recordEnd(recording, task.outcome)
  else {
    await supervise({
      ...recording,
      ...(task.limit === null ? {} : { limit: task.limit }),
      job: jobOf(task, { reservation, watch: await watchStore(store) }),
      clock: () => currentMoment().steady.ms,
      ...signsOf(task, store),
    })
  }
  return 0
}

/** Returns only if no other version is installed at the launcher's path, or if it cannot be executed. */
function becomeSuccessor(place: readonly string[], { pidfd, messages, ...task }: SupervisorTask): void {
  if (typeof task.program !== 'string') return
  // Once the command has ended, the descriptors have no use and may be closed already.
  const passed = task.outcome === undefined ? { pidfd, messages } : { pidfd: null, messages: null }
  const command = commandInstalledAt(task.program, [
    '__supervise',
    ...place,
    encodeTask({ ...task, ...passed }),
  ])
  if (command === null) return
  for (const fd of [passed.pidfd, passed.messages]) if (fd !== null) fcntl(fd, F_SETFD, 0)
  execve(toByteText(task.program), command.map(toByteText), inheritedEnvironment())
}

/** What to call after a commit; undefined without a notice board. */
async function committedOf({ publishes }: SupervisorTask, store: string): Promise<(() => void) | undefined> {
  if (publishes === undefined) return undefined
  const { publishLater } = await import('./publishing.ts')
  return () => publishLater({ store, config: publishes.config })
}

function signsOf({ publishes }: SupervisorTask, store: string): Pick<Supervision, 'signOfLife'> {
  if (publishes === undefined) return {}
  let signs: (() => void) | undefined
  return {
    signOfLife: async () => {
      const { signsOfLife } = await import('./publishing.ts')
      signs ??= signsOfLife({ store, config: publishes.config })
      signs()
    },
  }
}

function isStore(store: string): boolean {
  try {
    return storePlace(store).path !== ''
  } catch {
    return false
  }
}

function jobOf(
  { process, pidfd, messages, account }: SupervisorTask,
  { reservation, watch }: { readonly reservation: string; readonly watch: number | null },
): Job {
  const command = watchProcess(process, pidfd)
  const processes = new JobProcesses(command, reservation, account?.uid)
  let stderr = messages
  /** Closes the command's stderr when the command has exited: no terminal stays open while the end is recorded. */
  const closingStderr = <Event>(event: Event): Event => {
    if (event === 'exited' && stderr !== null) close(stderr)
    if (event === 'exited') stderr = null
    return event
  }
  return {
    wait: (timeoutMs) => {
      const event = waitFor({ process: command, watch }, timeoutMs)
      if (event === 'changed' && watch !== null) drain(watch)
      return closingStderr(event)
    },
    pause: (timeoutMs) =>
      closingStderr(waitFor({ process: command }, timeoutMs) === 'exited' ? 'exited' : 'timeout'),
    interrupt: () => processes.signal(SIGINT),
    kill: () => processes.signal(SIGKILL),
    isOver: () => {
      if (processes.hasCommandEnded()) closingStderr('exited')
      return processes.haveEnded()
    },
    writeStderr: (line) => {
      if (stderr !== null) writeMessage(stderr, line)
    },
  }
}
