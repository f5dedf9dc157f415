import { followClock } from '../domain/pool/clock.ts'
import type { Moment, Pool, UsageRecord } from '../domain/pool/model.ts'
import type { ProcessCheck } from '../domain/pool/process-check.ts'
import { startableEntries } from '../domain/schedule/startable.ts'
import type { Commit, Store } from '../ports/store.ts'

/** A pool after a decision, and the records of what ended by it. */
export interface Decision<Result> {
  readonly pool: Pool
  readonly ended: readonly UsageRecord[]
  readonly result: Result
}

type Stopped = ProcessCheck['stopped']

/** The pool in the times of the present clock. */
export async function loadPool(store: Store): Promise<{ readonly pool: Pool; readonly moment: Moment }> {
  const { pool, moment } = await store.load()
  return { pool: followClock(pool, moment), moment }
}

/** Commits a decision on the pool in the times of the present clock, and calls the waiters that can start by it. */
export function updatePool<Result>(
  { store, stopped }: { readonly store: Store; readonly stopped: Stopped },
  decide: (pool: Pool, moment: Moment) => Decision<Result>,
): Promise<Result> {
  return store.update((stored, moment) => {
    const decision = decide(followClock(stored, moment), moment)
    return decision.pool === stored ? unchanged(decision) : committed(decision, moment, stopped)
  })
}

/** Creates the pool or replaces it; `create` gets null where there is none that can be read. */
export function createPool<Result>(
  { store, stopped }: { readonly store: Store; readonly stopped: Stopped },
  create: (pool: Pool | null, moment: Moment) => Decision<Result>,
): Promise<Result> {
  return store.update({
    create: (stored, moment) =>
      committed(create(stored === null ? null : followClock(stored, moment), moment), moment, stopped),
  })
}

function committed<Result>(
  decision: Decision<Result>,
  { wall: now }: Moment,
  stopped: Stopped,
): Commit<Result> {
  return {
    ...unchanged(decision),
    wake: startableEntries(decision.pool, { now, stopped }).map(({ id }) => id),
  }
}

const unchanged = <Result>({ pool, ended, result }: Decision<Result>): Commit<Result> => ({
  pool,
  records: ended,
  wake: [],
  answer: result,
})
