import { endReservation } from '../domain/ending.ts'
import { CanhazgpuError } from '../domain/errors.ts'
import type { GpuId, Millis, Outcome, Pool, RunReservation, TimeLimit } from '../domain/model.ts'
import type { Store } from '../domain/ports.ts'

/** How often a supervisor says that its command lives. */
export const HEARTBEAT_MS: Millis = 60_000

/** After something changed in the pool it is looked at again, but not more often than this. */
const LOOK_AGAIN_MS: Millis = 1_000

/** How often, and how many times, a troubled store is tried for what cannot be left out. */
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

export interface Supervision {
  readonly reservation: string
  /** Opened for each use: a supervisor that sleeps for days holds no file of the pool. */
  readonly openStore: () => Promise<Store>
  readonly watch: (reservation: RunReservation) => Job
  /** Steady time. */
  readonly clock: () => Millis
  readonly sleep: (ms: Millis) => Promise<void>
}

/** How often the end of interrupted or killed processes is looked for. */
const LOOK_FOR_END_MS: Millis = 100

/**
 * Keeps the heartbeat of a run, enforces its time limit and ends its reservation when the command has
 * ended. Leaves early, with a word on the command's stderr, when somebody else ended the reservation.
 * Trouble with the store is told and waited out: the command's own life holds the reservation meanwhile.
 */
export async function supervise(supervision: Supervision): Promise<void> {
  const { clock } = supervision
  const start = await persistently(supervision, async (store) => {
    const { pool, moment } = await store.read()
    return { reservation: ownRun(pool, supervision), now: moment.wall }
  })
  if (start?.reservation === undefined) return
  const { reservation } = start
  const job = supervision.watch(reservation)
  const limit = steadyLimit(reservation, clock() - start.now)
  let held = reservation.gpus
  let troubled = false
  let beatAt = clock() + HEARTBEAT_MS
  for (;;) {
    const event = await job.wait(Math.max(0, Math.min(beatAt, limit.interruptAt) - clock()))
    if (event === 'exited') return end(supervision, 'exited')
    if (clock() >= limit.interruptAt) {
      await stop(job, { supervision, killAt: limit.killAt })
      return end(supervision, 'timed-out')
    }
    const sight = event === 'timeout' ? await beat(supervision) : await look(supervision)
    const lost = held.filter(
      (gpu) => sight.kind === 'lost' || (sight.kind === 'stands' && !sight.gpus.includes(gpu)),
    )
    if (lost.length > 0) {
      job.say(
        `canhazgpu: the reservation of GPU ${lost.join(', ')} was ended; the command runs on without it`,
      )
      held = held.filter((gpu) => !lost.includes(gpu))
    }
    if (sight.kind === 'lost') return
    if (sight.kind === 'unreachable' && !troubled) {
      job.say(`canhazgpu: ${sight.reason}; GPU ${held.join(', ')} stays reserved while the command runs`)
    }
    troubled = sight.kind === 'unreachable'
    if (event === 'timeout') beatAt = clock() + HEARTBEAT_MS
    if (event === 'changed' && (await job.pause(LOOK_AGAIN_MS)) === 'exited')
      return end(supervision, 'exited')
  }
}

/** The time limit by steady time: nobody can put that clock forward. */
function steadyLimit({ timeLimit }: RunReservation, steadyOfWall: Millis): TimeLimit {
  if (timeLimit === undefined) {
    return { interruptAt: Number.POSITIVE_INFINITY, killAt: Number.POSITIVE_INFINITY }
  }
  return {
    interruptAt: timeLimit.interruptAt + steadyOfWall,
    killAt: timeLimit.killAt + steadyOfWall,
  }
}

/** Interrupts the command, and kills what still lives when the grace is over. */
async function stop(
  job: Job,
  { supervision, killAt }: { readonly supervision: Supervision; readonly killAt: Millis },
): Promise<void> {
  job.interrupt()
  while (!job.isOver()) {
    if (supervision.clock() >= killAt) job.kill()
    await supervision.sleep(LOOK_FOR_END_MS)
  }
}

type Sight =
  | { readonly kind: 'stands'; readonly gpus: readonly GpuId[] }
  | { readonly kind: 'lost' }
  | { readonly kind: 'unreachable'; readonly reason: string }

function sightOf(pool: Pool, supervision: Supervision): Sight {
  const run = ownRun(pool, supervision)
  return run === undefined ? { kind: 'lost' } : { kind: 'stands', gpus: run.gpus }
}

function ownRun(pool: Pool, { reservation }: Supervision): RunReservation | undefined {
  const found = pool.reservations.find((each) => each.id === reservation)
  return found?.kind === 'run' ? found : undefined
}

function look(supervision: Supervision): Promise<Sight> {
  return reached(supervision, async (store) => sightOf((await store.read()).pool, supervision))
}

/** Never revives an ended reservation: it names its id, in the same transaction that looks for it. */
function beat(supervision: Supervision): Promise<Sight> {
  return reached(supervision, (store) =>
    store.update<Sight>((pool, moment) => {
      const sight = sightOf(pool, supervision)
      if (sight.kind === 'lost') return { pool, ended: [], result: sight }
      const reservations = pool.reservations.map((each) =>
        each.id === supervision.reservation ? { ...each, heartbeatAt: moment.wall } : each,
      )
      return { pool: { ...pool, reservations }, ended: [], result: sight }
    }),
  )
}

async function reached(supervision: Supervision, use: (store: Store) => Promise<Sight>): Promise<Sight> {
  try {
    return await withStore(supervision, use)
  } catch (error) {
    if (!(error instanceof CanhazgpuError)) throw error
    if (error.code === 'pool-not-initialized') return { kind: 'lost' }
    return { kind: 'unreachable', reason: error.message }
  }
}

async function end(supervision: Supervision, outcome: Outcome): Promise<void> {
  await persistently(supervision, (store) =>
    store.update((pool, moment) => ({
      ...endReservation(pool, supervision.reservation, outcome, moment.wall),
      result: undefined,
    })),
  )
}

/** Tries again while the store is in trouble. Undefined where there is no pool any more. */
async function persistently<Result>(
  supervision: Supervision,
  use: (store: Store) => Promise<Result>,
): Promise<Result | undefined> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await withStore(supervision, use)
    } catch (error) {
      if (!(error instanceof CanhazgpuError) || attempt === MOST_ATTEMPTS) throw error
      if (error.code === 'pool-not-initialized') return undefined
      await supervision.sleep(TRY_AGAIN_EVERY_MS)
    }
  }
}

async function withStore<Result>(
  { openStore }: Supervision,
  use: (store: Store) => Promise<Result>,
): Promise<Result> {
  const store = await openStore()
  try {
    return await use(store)
  } finally {
    store.close()
  }
}
