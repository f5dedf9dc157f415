import { pidNamespace } from '../adapters/kernel/boot.ts'
import { currentMoment } from '../adapters/kernel/clock.ts'
import { pidfdOpen } from '../adapters/kernel/libc/process.ts'
import { visibilityHere } from '../adapters/kernel/processes.ts'
import { inheritable, startDetached } from '../adapters/process/detach.ts'
import { selfCommandForShell, startedFrom } from '../adapters/process/self.ts'
import { openClosedStore } from '../adapters/store/open.ts'
import { readPool } from '../app/read-pool.ts'
import { CanhazgpuError } from '../domain/errors.ts'
import type { Moment, Reservation } from '../domain/pool/model.ts'
import { unitsOf } from '../domain/pool/units.ts'
import type { TimedPool } from '../ports/pool-service.ts'
import { groupOf } from './job-children.ts'
import { encodeTask } from './supervisor-task.ts'

/**
 * Starts a supervisor for each run of a daemon's pool that has still to reach its time limit. Returns how to start those of
 * the runs without a limit, which leave if they find the pool closed. The pool must be closed to its users: so the daemon has
 * granted each limit, and knows each process from the kernel.
 */
export async function superviseRuns(path: string): Promise<() => void> {
  const read = await readClosedPool(path)
  if (read === undefined) return () => {}
  const { pool, moment } = read
  const start = (runs: readonly Reservation[]) => {
    for (const run of runs) startSupervisor(path, run, moment)
  }
  start(pool.reservations.filter(hasLimit))
  return () => start(pool.reservations.filter((held) => !hasLimit(held)))
}

const hasLimit = ({ term }: Reservation): boolean => term.kind === 'run' && term.limit !== undefined

async function readClosedPool(path: string): Promise<TimedPool | undefined> {
  try {
    const store = await openClosedStore(path, currentMoment)
    return store === null ? undefined : await readPool(store).finally(() => store.close())
  } catch (error) {
    if (error instanceof CanhazgpuError && error.code === 'pool-not-initialized') return undefined
    throw error
  }
}

function startSupervisor(path: string, held: Reservation, moment: Moment): void {
  if (held.term.kind !== 'run') return
  const { process, limit } = held.term
  if (limit?.enforcedBy === 'supervisor') return
  // The stopper of a job that has reached its limit also kills it.
  if (limit !== undefined && limit.interruptAt <= moment.wall) return
  if (process.pidNamespace !== pidNamespace()) return
  const pidfd = inheritable(pidfdOpen(process.pid))
  if (visibilityHere(process) !== 'visible') return
  const toSteady = (wall: number) => moment.steady.ms + (wall - moment.wall)
  const task = encodeTask({
    ...{ process, pidfd, messages: null, units: unitsOf(held), program: startedFrom() },
    limit:
      limit === undefined
        ? null
        : { interruptAt: toSteady(limit.interruptAt), killAt: toSteady(limit.killAt) },
    account: { uid: held.owner.account.uid, gid: groupOf(process.pid) },
  })
  const { command, file } = selfCommandForShell(['__supervise', `sqlite://${path}`, held.id, task])
  startDetached(
    command,
    [pidfd, file].filter((fd) => fd !== null),
  )
}
