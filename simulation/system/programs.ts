// The pool loads it when it is first asked, and a module that is not loaded yet does not arrive within a step.
import '../../src/app/usage/usage-answer.ts'
import { acquireNow } from '../../src/app/acquire-now.ts'
import { agreedGrant } from '../../src/app/fleet/agreed-grant.ts'
import { LocalPool } from '../../src/app/local-pool.ts'
import { setUpPool } from '../../src/app/set-up.ts'
import { type Supervision, supervise } from '../../src/app/supervise.ts'
import { acquireInQueue } from '../../src/app/waiting/wait-in-queue.ts'
import type { Grant } from '../../src/domain/operation/intent.ts'
import type { PolicyChange } from '../../src/domain/policy/change.ts'
import type { UnitId } from '../../src/domain/pool/model.ts'
import { unitsOf } from '../../src/domain/pool/units.ts'
import type { OpenedPool } from '../../src/ports/opened-pool.ts'
import type { PoolService } from '../../src/ports/pool-service.ts'
import { unlessRefused } from '../../src/views/words/refusals.ts'
import { THRESHOLD_MB } from './device.ts'
import { driverFor } from './driver.ts'
import { WatchedJob } from './job.ts'
import { groupsOf } from './limits.ts'
import type { Process } from './process.ts'
import type { Purpose, ViewName } from './purpose.ts'
import { ProcessStore } from './store.ts'
import type { System } from './system.ts'
import { ProcessWaker } from './waker.ts'
import { type Plan, Work } from './work.ts'

export const PROBE_TIMEOUT = 10_000
export const REPORT_DAYS = 3650

export type Acquire = Extract<Purpose, { kind: 'acquire' }>

/** The caller on another host for whom a process acquires GPUs. */
export interface Caller {
  /** Asks whether it still waits for the GPUs that were just granted. */
  readonly agrees: () => Promise<boolean>
  /** It waits in the queue. */
  readonly waits: () => void
  /** They are kept. */
  readonly kept: () => void
}

/** How the process of a request behaves. */
export interface Behavior {
  readonly waitFor?: number
  readonly plan: Plan
  /** Whether the command cannot be executed after the grant. */
  readonly cannotExecute: boolean
}

const storeOf = (process: Process): OpenedPool => new ProcessStore(process)

/** The pool service of one process. */
export function poolOf(process: Process): PoolService {
  return new LocalPool({
    store: storeOf(process),
    processes: process,
    actor: async () => process.account,
    groups: () => groupsOf(process.account.uid),
    driver: {
      sample: async () => ({ probe: await driverFor(process).probe(PROBE_TIMEOUT) }),
      askedThresholdMb: THRESHOLD_MB,
      seesOwners: () => true,
    },
    committed: () => process.machine.committed(),
  })
}

/** The steps of `src/cli/commands/run.ts` and `reserve.ts`. */
export async function acquire(
  system: System,
  process: Process,
  purpose: Acquire,
  behavior: Behavior,
  caller: Caller | null = null,
): Promise<void> {
  const { intent } = purpose
  const pool = poolOf(process)
  const granted = await obtain(pool, process, purpose, { ...behavior, onProgress: () => caller?.waits() })
  const grant =
    caller === null
      ? granted
      : await agreedGrant(
          granted,
          () => caller.agrees(),
          async () => pool,
        )
  caller?.kept()
  system.granted(process, grant)
  if (intent.term.kind === 'manual') return
  await process.suspend(process.chance.between(0, 5), () => {})
  system.startSupervisor(process, supervisedBy(grant))
  if (behavior.cannotExecute) {
    unlessRefused(await pool.perform({ op: 'end', id: intent.id, outcome: 'released' }))
    return
  }
  await process.suspend(process.chance.between(0, 20), () => {
    process.role = 'command'
    const devices = system.devicesOf(process.machine, grant.reservation.id)
    process.work = new Work(process, system.shortened(behavior.plan), devices)
  })
}

async function obtain(
  pool: PoolService,
  process: Process,
  purpose: Acquire,
  { waitFor, onProgress }: Behavior & { readonly onProgress: () => void },
): Promise<Grant> {
  const { intent, claim } = purpose
  if (claim !== 'no')
    return unlessRefused(await pool.perform({ op: 'claim', intent, exact: claim === 'exact' }))
  if (!purpose.waits) return unlessRefused(await acquireNow(pool, intent))
  const ticket = { process: process.identity, ...(waitFor === undefined ? {} : { waitFor }) }
  const waker = new ProcessWaker(process, intent.id)
  const clock = () => process.moment().steady.ms
  const waiting = { ticket, processes: process, waker, clock, onProgress }
  return unlessRefused(await acquireInQueue(pool, intent, waiting).finally(() => waker.close()))
}

/** The task that `run` gives its supervisor. */
export type Task = Pick<Supervision, 'reservation' | 'units' | 'limit'>

function supervisedBy({ reservation, grantedAt }: Grant): Task {
  const { id, term, startedAt } = reservation
  const task = { reservation: id, units: unitsOf(reservation) }
  if (term.kind !== 'run' || term.limit === undefined) return task
  const { interruptAt, killAt } = term.limit
  const toSteady = (at: number) => grantedAt + (at - startedAt)
  return { ...task, limit: { interruptAt: toSteady(interruptAt), killAt: toSteady(killAt) } }
}

export function superviseRun(process: Process, task: Task, command: Process): Promise<void> {
  const { signOfLife } = process.machine
  process.supervisesSince = process.machine.scheduler.now
  return supervise({
    ...task,
    ...(signOfLife === null ? {} : { signOfLife: () => signOfLife(process) }),
    becomeSuccessor: () => {},
    openPool: async () => {
      await process.suspend(process.chance.below(3), () => {})
      return poolOf(process)
    },
    job: new WatchedJob(process, command),
    clock: () => process.moment().steady.ms,
    sleep: process.sleep,
  })
}

export async function release(process: Process, units?: readonly UnitId[]): Promise<void> {
  const operation = { op: 'release', ...(units === undefined ? {} : { units }) } as const
  unlessRefused(await poolOf(process).perform(operation))
}

export async function extend(
  process: Process,
  { by, units }: Extract<Purpose, { kind: 'extend' }>,
): Promise<void> {
  const operation = { op: 'extend', by, ...(units === undefined ? {} : { units }) } as const
  unlessRefused(await poolOf(process).perform(operation))
}

export async function drainOrRestore(
  process: Process,
  { kind, units }: Extract<Purpose, { kind: 'drain' | 'restore' }>,
): Promise<void> {
  unlessRefused(await poolOf(process).perform({ op: kind, units }))
}

export async function book(process: Process, { intent }: Extract<Purpose, { kind: 'book' }>): Promise<void> {
  unlessRefused(await poolOf(process).perform({ op: 'book', intent }))
}

export async function cancel(process: Process, { id }: Extract<Purpose, { kind: 'cancel' }>): Promise<void> {
  unlessRefused(await poolOf(process).perform({ op: 'cancel', id }))
}

export async function setLimits(process: Process, changes: readonly PolicyChange[]): Promise<void> {
  for (const change of changes) unlessRefused(await poolOf(process).perform({ op: 'set-policy', change }))
}

export async function view(system: System, process: Process, name: ViewName): Promise<void> {
  const pool = poolOf(process)
  switch (name) {
    case 'status':
      return system.checker.checkStatus(process, await pool.view('status'))
    case 'queue':
      return system.checker.checkQueue(process, await pool.view('queue'))
    case 'report':
      return system.checker.checkReport(process, await pool.usage({ kind: 'report', days: REPORT_DAYS }))
  }
}

export async function setUp(process: Process, force: boolean, gpuCount: number, mru: boolean): Promise<void> {
  const { machine } = process
  const answer = await setUpPool(
    {
      open: async () => (machine.stored.pool === null ? null : storeOf(process)),
      create: async () => storeOf(process),
      setAside: async () => null,
      forGroup: false,
    },
    {
      host: machine.name,
      gpuCount,
      force,
      actor: process.account,
      processes: process,
      policy: { allocation: mru ? 'mru-per-user' : 'lru' },
      detect: () => driverFor(process).probe(PROBE_TIMEOUT),
    },
  )
  unlessRefused(answer)
}
