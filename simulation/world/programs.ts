import { acquireNow, type Grant } from '../../src/app/acquire.ts'
import { claimableGpus } from '../../src/app/claim.ts'
import type { Deps } from '../../src/app/deps.ts'
import { extendManual } from '../../src/app/extend.ts'
import { overview } from '../../src/app/overview.ts'
import { queueOverview } from '../../src/app/queue-overview.ts'
import { endNow, releaseById, releaseManual } from '../../src/app/release.ts'
import { setUpPool } from '../../src/app/set-up.ts'
import { type Supervision, supervise } from '../../src/app/supervise.ts'
import { reportUsage } from '../../src/app/usage/usage-report.ts'
import { acquireInLine } from '../../src/app/waiting/wait-in-line.ts'
import type { Account, UnitId } from '../../src/domain/pool/model.ts'
import { unitsOf } from '../../src/domain/pool/units.ts'
import type { OpenedPool } from '../../src/ports/opened-pool.ts'
import { THRESHOLD_MB } from './device.ts'
import { driverFor } from './driver.ts'
import type { Errand } from './errand.ts'
import { WatchedJob } from './job.ts'
import type { Process } from './process.ts'
import { ProcessStore } from './store.ts'
import { ProcessWaker } from './waker.ts'
import { type Plan, Work } from './work.ts'
import type { World } from './world.ts'

export const PROBE_TIMEOUT = 10_000
export const REPORT_DAYS = 3650

type Acquire = Extract<Errand, { kind: 'acquire' }>

/** How `src/cli/commands/run.ts` and `reserve.ts` go about it. */
export interface Patience {
  readonly waitFor?: number
  readonly plan: Plan
  /** The command cannot be executed after all. */
  readonly breaks: boolean
}

const storeOf = (process: Process): OpenedPool => new ProcessStore(process)

function depsOf(process: Process): Deps {
  return {
    store: storeOf(process),
    alive: process.alive,
    stopped: process.stopped,
    providerOf: async () => driverFor(process),
    probeTimeout: PROBE_TIMEOUT,
    seesProcessOwners: () => true,
    memoryThreshold: THRESHOLD_MB,
  }
}

export async function acquire(
  world: World,
  process: Process,
  errand: Acquire,
  patience: Patience,
): Promise<void> {
  const { intent } = errand
  const deps = depsOf(process)
  const grant = await obtain(deps, process, errand, patience)
  world.granted(process, grant)
  if (intent.term.kind === 'manual') return
  await process.suspend(process.chance.between(0, 5), () => {})
  world.superviseSoon(process, supervisedBy(grant, intent))
  if (patience.breaks) return endNow(deps, intent.id)
  await process.suspend(process.chance.between(0, 20), () => {
    process.role = 'command'
    const devices = world.devicesOf(process.machine, grant.reservation.id)
    process.work = new Work(process, world.shortened(patience.plan), devices)
  })
}

function obtain(deps: Deps, process: Process, errand: Acquire, { waitFor }: Patience): Promise<Grant> {
  const { intent, claim } = errand
  if (claim !== 'no') return claimableGpus(deps, intent, claim === 'certain')
  if (!errand.waits) return acquireNow(deps, intent)
  const ticket = { process: process.identity, ...(waitFor === undefined ? {} : { waitFor }) }
  const waker = new ProcessWaker(process, intent.id)
  return acquireInLine(deps, intent, {
    ticket,
    waker,
    clock: () => process.moment().steady.ms,
    tell: () => {},
  }).finally(() => waker.close())
}

/** What `run` tells its supervisor. */
export type Task = Pick<Supervision, 'reservation' | 'units' | 'limit'>

function supervisedBy({ reservation, grantedAt }: Grant, { id, term }: Acquire['intent']): Task {
  const task = { reservation: id, units: unitsOf(reservation) }
  if (term.kind !== 'run' || term.timeout === undefined) return task
  const interruptAt = grantedAt + term.timeout.after
  return { ...task, limit: { interruptAt, killAt: interruptAt + term.timeout.grace } }
}

export function superviseRun(process: Process, task: Task, command: Process): Promise<void> {
  return supervise({
    ...task,
    becomeSuccessor: () => {},
    stopped: process.stopped,
    openStore: async () => {
      await process.suspend(process.chance.below(3), () => {})
      return storeOf(process)
    },
    job: new WatchedJob(process, command),
    clock: () => process.moment().steady.ms,
    sleep: process.sleep,
  })
}

export async function release(process: Process, account: Account, units?: readonly UnitId[]): Promise<void> {
  const deps = depsOf(process)
  await (units === undefined ? releaseManual(deps, account) : releaseById(deps, account, units))
}

export async function extend(process: Process, errand: Extract<Errand, { kind: 'extend' }>): Promise<void> {
  const { account, by, units } = errand
  await extendManual(depsOf(process), { account, by, ...(units === undefined ? {} : { gpuIds: units }) })
}

export async function look(world: World, process: Process, at: 'status' | 'queue' | 'report'): Promise<void> {
  const deps = depsOf(process)
  switch (at) {
    case 'status':
      return world.checker.sawStatus(process, await overview(deps))
    case 'queue':
      return world.checker.sawQueue(process, await queueOverview(deps))
    case 'report':
      return world.checker.sawReport(process, await reportUsage(deps, REPORT_DAYS))
  }
}

export async function setUp(process: Process, force: boolean, gpuCount: number, mru: boolean): Promise<void> {
  const { machine } = process
  await setUpPool(
    {
      open: async () => (machine.stored.pool === null ? null : storeOf(process)),
      create: async () => storeOf(process),
      setAside: async () => null,
      forGroup: false,
      stopped: process.stopped,
    },
    {
      host: machine.name,
      gpuCount,
      force,
      policy: { allocation: mru ? 'mru-per-user' : 'lru' },
      detect: () => driverFor(process).probe(PROBE_TIMEOUT),
    },
  )
}
