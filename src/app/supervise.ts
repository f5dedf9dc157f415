import { CanhazgpuError } from '../domain/errors.ts'
import { REPEATED_EVERY_MS } from '../domain/fleet/snapshot.ts'
import { isRefusal } from '../domain/operation/refusal.ts'
import type { Millis, Pool, TimeLimit, UnitId } from '../domain/pool/model.ts'
import { unitsOf } from '../domain/pool/units.ts'
import { formatDuration } from '../domain/text/duration.ts'
import type { PoolService } from '../ports/pool-service.ts'
import type { LockPatience } from '../ports/store.ts'

/** Interval of a supervisor's heartbeat. */
export const HEARTBEAT_MS: Millis = 60_000

/** Minimum time before each read of the pool. If the command ends sooner, the pool is not read at all. */
const READ_AGAIN_AFTER_MS: Millis = 1_000

/** While the store fails: interval and number of attempts to record the end of the reservation. */
const TRY_AGAIN_EVERY_MS: Millis = 5_000
const MOST_ATTEMPTS = 120

type Awaitable<Value> = Value | Promise<Value>

/** The command under supervision. */
export interface Job {
  /** Waits until the command has ended, the pool may have changed, or the timeout. May block this process. */
  wait(timeoutMs: Millis): Awaitable<'exited' | 'changed' | 'timeout'>
  /** Waits until the command has ended or the timeout, and ignores the pool. May block this process. */
  pause(timeoutMs: Millis): Awaitable<'exited' | 'timeout'>
  /** Sends SIGINT to every process of the command, including background processes that it left. */
  interrupt(): void
  /** Sends SIGKILL to every process of the command. */
  kill(): void
  /** Whether the command and all its descendants have ended. */
  isOver(): boolean
  /** Writes one line to the command's standard error, if that can be opened. */
  writeStderr(line: string): void
}

/** How a command ended: on its own, or at its time limit. */
export type JobOutcome = 'exited' | 'timed-out'

/** The remaining work of a supervisor, for the newer version that replaces it. */
export interface Unfinished {
  readonly units: readonly UnitId[]
  /** Present if the command has ended: only its end must still be recorded. */
  readonly outcome?: JobOutcome
}

/** The inputs for recording the end of a reservation. */
export interface Recording {
  readonly reservation: string
  readonly units: readonly UnitId[]
  /** Replaces this process by the version that is installed now; returns if no other version is installed. */
  readonly becomeSuccessor: (unfinished: Unfinished) => void
  /** Called for each use of the pool: a supervisor that sleeps for days keeps no file of the pool open. */
  readonly openPool: (patience?: LockPatience) => Promise<PoolService>
  readonly sleep: (ms: Millis) => Promise<void>
}

/** The inputs of a supervisor. They come from the launcher and not from the pool: every user can write to the pool. */
export interface Supervision extends Recording {
  /** In steady time, which cannot be set. */
  readonly limit?: TimeLimit
  readonly job: Job
  /** Steady time. */
  readonly clock: () => Millis
  /** Publishes this host although nothing has changed. Absent without a notice board. */
  readonly signOfLife?: () => Awaitable<void>
}

const NO_LIMIT: TimeLimit = { interruptAt: Number.POSITIVE_INFINITY, killAt: Number.POSITIVE_INFINITY }

/**
 * Renews the heartbeat of a run, enforces its time limit and ends its reservation when the command has ended. From the
 * pool it reads only whether the reservation still exists. If another account ended the reservation, the supervisor
 * prints one line to the command's stderr. It then exits, unless it must still enforce a limit. If a newer version has
 * upgraded the pool, the supervisor becomes that version, so that the heartbeat continues. If the pool was moved into a
 * daemon, the supervisor exits silently; one with a time limit stays to enforce it, and the daemon leaves that to it. It
 * ignores other store errors and does not print them: while the command is alive, the reservation is held.
 */
export async function supervise(supervision: Supervision): Promise<void> {
  const { clock, job, limit = NO_LIMIT } = supervision
  const timeTo = (at: Millis) => Math.max(0, Math.min(at, limit.interruptAt) - clock())
  const pause = () => job.pause(timeTo(clock() + READ_AGAIN_AFTER_MS))
  let held = supervision.units
  let beatAt = clock() + HEARTBEAT_MS
  let event: 'exited' | 'changed' | 'timeout' = await pause()
  for (;;) {
    if (event === 'exited' || clock() >= limit.interruptAt) break
    if (held.length > 0) {
      const isDue = clock() >= beatAt
      if (isDue) beatAt = clock() + HEARTBEAT_MS
      const found = await (isDue ? sendHeartbeat : readHeldUnits)(supervision)
      if (found.kind === 'too-new') supervision.becomeSuccessor({ units: held })
      held = found.kind === 'closed' ? [] : stillHeld(held, found, job)
    }
    if (held.length === 0 && supervision.limit === undefined) return
    event = await pause()
    if (event === 'timeout')
      event = await (held.length > 0
        ? waitUntil(Math.min(beatAt, limit.interruptAt), supervision)
        : job.pause(timeTo(NEVER)))
  }
  if (event !== 'exited') await stopJob(supervision, limit)
  if (held.length > 0) await recordEnd(supervision, event === 'exited' ? 'exited' : 'timed-out')
}

const NEVER: Millis = Number.POSITIVE_INFINITY

/** Waits as the job does, and meanwhile gives signs of life. A change of the pool is published by its commit. */
async function waitUntil(
  at: Millis,
  { job, clock, signOfLife }: Pick<Supervision, 'job' | 'clock' | 'signOfLife'>,
): Promise<'exited' | 'changed' | 'timeout'> {
  for (;;) {
    const left = Math.max(0, at - clock())
    const event = await job.wait(signOfLife === undefined ? left : Math.min(left, REPEATED_EVERY_MS))
    if (event !== 'timeout' || clock() >= at) return event
    await signOfLife?.()
  }
}

/** The message to a command whose reservation was ended by another process. */
export const lostReservationLine = (lost: readonly UnitId[]): string =>
  `canhazgpu: the reservation of GPU ${lost.join(', ')} was ended; the command continues without it`

/** The units that are still held. Prints the others. */
function stillHeld(held: readonly UnitId[], found: HeldUnits, job: Job): readonly UnitId[] {
  const left = found.kind === 'known' ? held.filter((unit) => found.units.includes(unit)) : held
  const lost = held.filter((unit) => !left.includes(unit))
  if (lost.length > 0) {
    job.writeStderr(lostReservationLine(lost))
  }
  return left
}

/** The messages to a command at its time limit. */
export const interruptLine = (grace: Millis): string =>
  `canhazgpu: time limit reached: sending SIGINT, and SIGKILL in ${formatDuration(grace)}`
export const KILL_LINE = 'canhazgpu: still running after SIGINT: sending SIGKILL'

interface Stopping extends Pick<Supervision, 'clock' | 'sleep' | 'signOfLife'> {
  readonly job: Pick<Job, 'interrupt' | 'kill' | 'isOver' | 'writeStderr'>
}

/** Interrupts the command, and kills its remaining processes after the grace period. */
async function stopJob(stopping: Stopping, { interruptAt, killAt }: TimeLimit): Promise<void> {
  stopping.job.writeStderr(interruptLine(killAt - interruptAt))
  stopping.job.interrupt()
  await killRemaining(stopping, killAt)
}

/** Waits until an interrupted command has ended, and kills the processes that remain at this time. */
async function killRemaining({ job, clock, sleep, signOfLife }: Stopping, killAt: Millis): Promise<void> {
  const startedAt = clock()
  // The last sign of life may be as old as it may become, and most commands end soon.
  let signAt = startedAt + READ_AGAIN_AFTER_MS
  let isKilled = false
  while (!job.isOver()) {
    const now = clock()
    if (now >= killAt) {
      if (!isKilled) job.writeStderr(KILL_LINE)
      isKilled = true
      job.kill()
    }
    if (now >= signAt) {
      signAt = now + REPEATED_EVERY_MS
      await signOfLife?.()
    }
    await sleep(endCheckAfter(now - startedAt, killAt - now))
  }
}

/** First interval between checks whether the interrupted or killed processes have ended. */
const END_CHECK_MS: Millis = 100

/** The interval grows, because some processes cannot be killed (`sudo` in a job). SIGKILL is never late. */
function endCheckAfter(waited: Millis, untilKill: Millis): Millis {
  const interval = Math.min(Math.max(END_CHECK_MS, waited / 20), 20 * END_CHECK_MS)
  return untilKill > 0 ? Math.min(interval, untilKill) : interval
}

/** The units that the reservation still holds. */
type HeldUnits =
  | { readonly kind: 'known'; readonly units: readonly UnitId[] }
  | { readonly kind: 'unknown' }
  /** A daemon owns the pool now, and watches the command itself. */
  | { readonly kind: 'closed' }
  /** A newer version has upgraded the pool. */
  | { readonly kind: 'too-new' }

const LOST: HeldUnits = { kind: 'known', units: [] }

function readHeldUnits(supervision: Supervision): Promise<HeldUnits> {
  return askPool(supervision, async (service) => {
    const { pool } = await service.view('stored')
    return { kind: 'known', units: heldIn(pool, supervision.reservation) }
  })
}

function heldIn(pool: Pool, reservation: string): readonly UnitId[] {
  const found = pool.reservations.find((each) => each.id === reservation)
  return found?.term.kind === 'run' ? unitsOf(found) : []
}

function sendHeartbeat(supervision: Supervision): Promise<HeldUnits> {
  return askPool(supervision, async (service) => {
    const answer = await service.perform({ op: 'heartbeat', id: supervision.reservation })
    return isRefusal(answer) ? { kind: 'unknown' } : { kind: 'known', units: answer }
  })
}

/** The supervisor must enforce the limit whatever error the pool or its content causes. */
async function askPool(
  supervision: Supervision,
  use: (service: PoolService) => Promise<HeldUnits>,
): Promise<HeldUnits> {
  const { clock, limit = NO_LIMIT } = supervision
  // Another process that holds the lock of the store must not delay the limit either.
  const patience: LockPatience = { left: () => limit.interruptAt - clock(), error: (busy) => busy }
  try {
    return await withPool(supervision, (service) => use(service.bounded(patience)), patience)
  } catch (error) {
    if (isError(error, 'pool-not-initialized')) return LOST
    if (isError(error, 'permission-denied')) return { kind: 'closed' }
    return { kind: isError(error, 'store-too-new') ? 'too-new' : 'unknown' }
  }
}

const isError = (error: unknown, ...codes: readonly string[]): boolean =>
  error instanceof CanhazgpuError && codes.includes(error.code)

/**
 * Ends the reservation of a command that has ended. Retries while the store fails. If a newer version has upgraded the
 * pool, that version records the end. Gives up if that version is not installed, if the pool no longer exists, or if it is
 * an older one, which a supervisor never upgrades. The next command then finds that the run has ended.
 */
export async function recordEnd(recording: Recording, outcome: JobOutcome): Promise<void> {
  const { reservation, units, becomeSuccessor, sleep } = recording
  for (let attempt = 1; ; attempt++) {
    try {
      await withPool(recording, (service) => service.perform({ op: 'end', id: reservation, outcome }))
      return
    } catch (error) {
      if (isError(error, 'store-too-new')) becomeSuccessor({ units, outcome })
      if (isError(error, 'pool-not-initialized', 'store-too-new', 'store-too-old', 'permission-denied'))
        return
      if (!(error instanceof CanhazgpuError) || attempt === MOST_ATTEMPTS) throw error
      await sleep(TRY_AGAIN_EVERY_MS)
    }
  }
}

async function withPool<Result>(
  { openPool }: Recording,
  use: (service: PoolService) => Promise<Result>,
  patience?: LockPatience,
): Promise<Result> {
  const service = await openPool(patience)
  try {
    return await use(service)
  } finally {
    service.close()
  }
}
