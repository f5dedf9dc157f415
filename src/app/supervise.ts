import { CanhazgpuError } from '../domain/errors.ts'
import { isRefusal } from '../domain/operation/refusal.ts'
import type { Millis, Pool, TimeLimit, UnitId } from '../domain/pool/model.ts'
import { unitsOf } from '../domain/pool/units.ts'
import { formatDuration } from '../domain/text/duration.ts'
import type { PoolService } from '../ports/pool-service.ts'
import type { LockPatience } from '../ports/store.ts'

/** How often a supervisor says that its command lives. */
export const HEARTBEAT_MS: Millis = 60_000

/** The pool is not looked at more often than this, and not at all for a command that ends sooner. */
const LOOK_AGAIN_MS: Millis = 1_000

/** A troubled store is tried this often, and this many times, for the end of the reservation. */
const TRY_AGAIN_EVERY_MS: Millis = 5_000
const MOST_ATTEMPTS = 120

type Awaitable<Value> = Value | Promise<Value>

/** The command under supervision. */
export interface Job {
  /** Until it has ended, the pool may have changed, or the time is over; may block this process. */
  wait(timeoutMs: Millis): Awaitable<'exited' | 'changed' | 'timeout'>
  /** Until it has ended or the time is over, whatever happens to the pool; may block this process. */
  pause(timeoutMs: Millis): Awaitable<'exited' | 'timeout'>
  /** Asks every process of the command to stop (SIGINT), those it left behind included. */
  interrupt(): void
  /** Ends every process of the command (SIGKILL). */
  kill(): void
  /** Whether the command and all it started have ended. */
  isOver(): boolean
  /** One line on the command's standard error, if it can be had. */
  say(line: string): void
}

/** How a command ended: by itself, or at its time limit. */
export type JobOutcome = 'exited' | 'timed-out'

/** What is left to do for the version that a supervisor becomes. */
export interface Unfinished {
  readonly units: readonly UnitId[]
  /** Of a command that has ended: only that is to be recorded. */
  readonly outcome?: JobOutcome
}

/** What it takes to record the end of a reservation. */
export interface Recording {
  readonly reservation: string
  readonly units: readonly UnitId[]
  /** Goes on as the version that is installed by now; returns if there is no other. */
  readonly becomeSuccessor: (unfinished: Unfinished) => void
  /** Opened for each use: a supervisor that sleeps for days holds no file of the pool. */
  readonly openPool: (patience?: LockPatience) => Promise<PoolService>
  readonly sleep: (ms: Millis) => Promise<void>
}

/** What to supervise. It comes from the launcher, because every user can write to the pool. */
export interface Supervision extends Recording {
  /** In steady time: nobody can set that clock. */
  readonly limit?: TimeLimit
  readonly job: Job
  /** Steady time. */
  readonly clock: () => Millis
}

const NO_LIMIT: TimeLimit = { interruptAt: Number.POSITIVE_INFINITY, killAt: Number.POSITIVE_INFINITY }

/**
 * Keeps the heartbeat of a run, enforces its time limit and ends its reservation when the command has ended.
 * Of the pool it reads only whether the reservation still exists: if somebody else ended it, one line on the
 * command's stderr says so, and a supervisor without a limit to enforce leaves. If a newer version has taken over
 * the pool, the supervisor becomes that version, so that the heartbeat goes on. Other trouble with the store changes
 * nothing and is not mentioned: the command's own life holds the reservation meanwhile.
 */
export async function supervise(supervision: Supervision): Promise<void> {
  const { clock, job, limit = NO_LIMIT } = supervision
  const timeTo = (at: Millis) => Math.max(0, Math.min(at, limit.interruptAt) - clock())
  const pause = () => job.pause(timeTo(clock() + LOOK_AGAIN_MS))
  let held = supervision.units
  let beatAt = clock() + HEARTBEAT_MS
  let event: 'exited' | 'changed' | 'timeout' = await pause()
  for (;;) {
    if (event === 'exited' || clock() >= limit.interruptAt) break
    if (held.length > 0) {
      const isDue = clock() >= beatAt
      if (isDue) beatAt = clock() + HEARTBEAT_MS
      const sight = await (isDue ? beat : look)(supervision)
      if (sight.kind === 'too-new') supervision.becomeSuccessor({ units: held })
      held = stillHeld(held, sight, job)
    }
    if (held.length === 0 && supervision.limit === undefined) return
    event = await pause()
    if (event === 'timeout')
      event = await (held.length > 0 ? job.wait(timeTo(beatAt)) : job.pause(timeTo(NEVER)))
  }
  if (event !== 'exited') await stop(supervision, limit)
  if (held.length > 0) await recordEnd(supervision, event === 'exited' ? 'exited' : 'timed-out')
}

const NEVER: Millis = Number.POSITIVE_INFINITY

/** Says which units were lost. */
function stillHeld(held: readonly UnitId[], sight: Sight, job: Job): readonly UnitId[] {
  const left = sight.kind === 'seen' ? held.filter((unit) => sight.units.includes(unit)) : held
  const lost = held.filter((unit) => !left.includes(unit))
  if (lost.length > 0) {
    job.say(`canhazgpu: the reservation of GPU ${lost.join(', ')} was ended; the command runs on without it`)
  }
  return left
}

/** Interrupts the command, and kills what still runs at the end of the grace. */
async function stop({ job, clock, sleep }: Supervision, { interruptAt, killAt }: TimeLimit): Promise<void> {
  const interruptedAt = clock()
  const grace = formatDuration(killAt - interruptAt)
  job.say(`canhazgpu: time limit reached: sending SIGINT, and SIGKILL in ${grace}`)
  job.interrupt()
  let isKilled = false
  while (!job.isOver()) {
    const now = clock()
    if (now >= killAt) {
      if (!isKilled) job.say('canhazgpu: still running after SIGINT: sending SIGKILL')
      isKilled = true
      job.kill()
    }
    await sleep(lookForEndAfter(now - interruptedAt, killAt - now))
  }
}

/** How often the end of interrupted or killed processes is looked for at first. */
const LOOK_FOR_END_MS: Millis = 100

/** Less and less often, because some processes cannot be killed (`sudo` in a job), but never late to kill. */
function lookForEndAfter(waited: Millis, untilKill: Millis): Millis {
  const interval = Math.min(Math.max(LOOK_FOR_END_MS, waited / 20), 20 * LOOK_FOR_END_MS)
  return untilKill > 0 ? Math.min(interval, untilKill) : interval
}

/** Which of its units the reservation still has. */
type Sight =
  | { readonly kind: 'seen'; readonly units: readonly UnitId[] }
  | { readonly kind: 'unknown' }
  /** A newer version has taken over the pool. */
  | { readonly kind: 'too-new' }

const LOST: Sight = { kind: 'seen', units: [] }

function look(supervision: Supervision): Promise<Sight> {
  return reached(supervision, async (service) => {
    const { pool } = await service.view('stored')
    return { kind: 'seen', units: heldIn(pool, supervision.reservation) }
  })
}

function heldIn(pool: Pool, reservation: string): readonly UnitId[] {
  const found = pool.reservations.find((each) => each.id === reservation)
  return found?.term.kind === 'run' ? unitsOf(found) : []
}

function beat(supervision: Supervision): Promise<Sight> {
  return reached(supervision, async (service) => {
    const answer = await service.perform({ op: 'heartbeat', id: supervision.reservation })
    return isRefusal(answer) ? { kind: 'unknown' } : { kind: 'seen', units: answer }
  })
}

/** Whatever is wrong with the pool, its content included, must not keep us from enforcing the limit. */
async function reached(
  supervision: Supervision,
  use: (service: PoolService) => Promise<Sight>,
): Promise<Sight> {
  const { clock, limit = NO_LIMIT } = supervision
  // Another process that holds the lock of the store must not delay the limit either.
  const patience: LockPatience = { left: () => limit.interruptAt - clock(), error: (busy) => busy }
  try {
    return await withPool(supervision, (service) => use(service.bounded(patience)), patience)
  } catch (error) {
    if (isError(error, 'pool-not-initialized')) return LOST
    return { kind: isError(error, 'store-too-new') ? 'too-new' : 'unknown' }
  }
}

const isError = (error: unknown, ...codes: readonly string[]): boolean =>
  error instanceof CanhazgpuError && codes.includes(error.code)

/**
 * Ends the reservation of a command that has ended. Tries again while the store is in trouble. If a newer version has
 * taken over the pool, that version records it. Gives up if there is no such version or no pool any more: the next
 * command sees that the run has ended.
 */
export async function recordEnd(recording: Recording, outcome: JobOutcome): Promise<void> {
  const { reservation, units, becomeSuccessor, sleep } = recording
  for (let attempt = 1; ; attempt++) {
    try {
      await withPool(recording, (service) => service.perform({ op: 'end', id: reservation, outcome }))
      return
    } catch (error) {
      if (isError(error, 'store-too-new')) becomeSuccessor({ units, outcome })
      if (isError(error, 'pool-not-initialized', 'store-too-new')) return
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
