import { endReservation } from '../domain/ending.ts'
import { CanhazgpuError } from '../domain/errors.ts'
import type { Millis, Outcome, Pool, RunReservation } from '../domain/model.ts'
import type { Store } from '../domain/ports.ts'

/** How often a supervisor says that its command lives. */
export const HEARTBEAT_MS: Millis = 60_000

/** After something changed in the pool it is looked at again, but not more often than this. */
const LOOK_AGAIN_MS: Millis = 1_000

/** How often, and how many times, the end of a reservation is tried to be written in a troubled store. */
const FAREWELL_EVERY_MS: Millis = 5_000
const MOST_FAREWELLS = 120

/** The command under supervision. */
export interface Job {
  /** Blocks until it has ended, the pool may have changed, or the time is over. */
  wait(timeoutMs: Millis): 'exited' | 'changed' | 'timeout'
  /** Blocks until it has ended or the time is over, whatever happens to the pool. */
  pause(timeoutMs: Millis): 'exited' | 'timeout'
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

/**
 * Keeps the heartbeat of a run and ends its reservation when the command has ended. Leaves early, with a
 * word on the command's stderr, when somebody else ended the reservation. Trouble with the store is told
 * and waited out: the command's own life holds the reservation meanwhile.
 */
export async function supervise(supervision: Supervision): Promise<void> {
  const reservation = await withStore(supervision, async (store) =>
    ownRun((await store.read()).pool, supervision),
  )
  if (reservation === undefined) return
  const job = supervision.watch(reservation)
  const gpus = `GPU ${reservation.gpus.join(', ')}`
  const tellLost = () =>
    job.say(`canhazgpu: the reservation of ${gpus} was ended; the command runs on without it`)
  let troubled = false
  let beatAt = supervision.clock() + HEARTBEAT_MS
  for (;;) {
    const event = job.wait(Math.max(0, beatAt - supervision.clock()))
    if (event === 'exited') return end(supervision, 'exited')
    const sight = event === 'timeout' ? await beat(supervision) : await look(supervision)
    if (sight.kind === 'lost') return tellLost()
    if (sight.kind === 'unreachable' && !troubled) {
      job.say(`canhazgpu: ${sight.reason}; ${gpus} stays reserved while the command runs`)
    }
    troubled = sight.kind === 'unreachable'
    if (event === 'timeout') beatAt = supervision.clock() + HEARTBEAT_MS
    if (event === 'changed' && job.pause(LOOK_AGAIN_MS) === 'exited') return end(supervision, 'exited')
  }
}

type Sight =
  | { readonly kind: 'stands' }
  | { readonly kind: 'lost' }
  | { readonly kind: 'unreachable'; readonly reason: string }

const sightOf = (pool: Pool, supervision: Supervision): Sight =>
  ownRun(pool, supervision) === undefined ? { kind: 'lost' } : { kind: 'stands' }

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
    store.update((pool, moment) => {
      const reservations = pool.reservations.map((each) =>
        each.id === supervision.reservation ? { ...each, heartbeatAt: moment.wall } : each,
      )
      const sight = sightOf(pool, supervision)
      return { pool: sight.kind === 'lost' ? pool : { ...pool, reservations }, ended: [], result: sight }
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
  for (let attempt = 1; ; attempt++) {
    try {
      await withStore(supervision, (store) =>
        store.update((pool, moment) => ({
          ...endReservation(pool, supervision.reservation, outcome, moment.wall),
          result: undefined,
        })),
      )
      return
    } catch (error) {
      if (!(error instanceof CanhazgpuError) || attempt === MOST_FAREWELLS) throw error
      await supervision.sleep(FAREWELL_EVERY_MS)
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
