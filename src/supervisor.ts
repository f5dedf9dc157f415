import { currentMoment } from './adapters/os/clock.ts'
import { becomeDaemon } from './adapters/os/detach.ts'
import { kill } from './adapters/os/libc.ts'
import { processTree } from './adapters/os/process-tree.ts'
import { liveness } from './adapters/os/processes.ts'
import { sayOnStderrOf } from './adapters/os/say.ts'
import { drain, waitFor, watchProcess } from './adapters/os/wait.ts'
import { watchChanges } from './adapters/store/changes.ts'
import { openStore, storePlace } from './adapters/store/open.ts'
import { type Job, supervise } from './app/supervise.ts'
import type { RunReservation } from './domain/model.ts'

const SIGINT = 2
const SIGKILL = 9

/** The whole life of a supervisor: `canhazgpu __supervise <store> <reservation>`. */
export async function superviseMain(task: { store: string; reservation: string }): Promise<void> {
  becomeDaemon()
  await supervise({
    reservation: task.reservation,
    openStore: () => openStore(task.store, currentMoment),
    watch: (reservation) => jobOf(reservation, storePlace(task.store).path),
    clock: () => currentMoment().steady.ms,
    sleep: (ms) => Bun.sleep(ms),
  })
}

function jobOf({ id, process }: RunReservation, database: string): Job {
  const living = () => processTree(liveness(process) === 'alive' ? process.pid : null, id)
  const watched = watchProcess(process)
  const watch = watchChanges(database)
  return {
    wait: (timeoutMs) => {
      const event = waitFor({ process: watched, watch }, timeoutMs)
      if (event === 'changed' && watch !== null) drain(watch)
      return event
    },
    pause: (timeoutMs) => (waitFor({ process: watched }, timeoutMs) === 'exited' ? 'exited' : 'timeout'),
    interrupt: () => living().forEach((pid) => void kill(pid, SIGINT)),
    kill: () => living().forEach((pid) => void kill(pid, SIGKILL)),
    isOver: () => living().length === 0,
    say: (line) => sayOnStderrOf(process.pid, line),
  }
}
