import { withHistoryKept } from '../ledger/kept-history.ts'
import { followClock } from '../pool/clock.ts'
import type { Pool } from '../pool/model.ts'
import { startableEntries } from '../schedule/startable.ts'
import { acquireUnits } from './acquire.ts'
import { isForbidden } from './authorisation.ts'
import { book, cancel } from './book.ts'
import { followBookings } from './booked.ts'
import { adoptDevices, setPolicy } from './change-pool.ts'
import { claimUnits } from './claim.ts'
import { drain, restore } from './drain.ts'
import { type Report, settle } from './ending.ts'
import { extend } from './extend.ts'
import { recordHeartbeat } from './heartbeat.ts'
import type { Answers, Context, Done, Operation, PoolOperationName, Step } from './operation.ts'
import { joinQueue, leaveQueue } from './queue.ts'
import type { Refusal } from './refusal.ts'
import { release } from './release.ts'
import { setUp } from './set-up.ts'

type Handler<Name extends PoolOperationName> = (
  settled: Pool,
  operation: Operation<Name>,
  context: Context,
) => Done<Answers[Name]>

const nothingMore = (pool: Pool): Done<null> => ({ pool, answer: null })

const HANDLERS: { readonly [Name in PoolOperationName]: Handler<Name> } = {
  acquire: acquireUnits,
  claim: claimUnits,
  join: joinQueue,
  leave: leaveQueue,
  heartbeat: recordHeartbeat,
  // The step first settles the pool with this operation's report, which ends the reservation.
  end: nothingMore,
  release,
  extend,
  book,
  cancel,
  'adopt-devices': adoptDevices,
  drain,
  restore,
  'set-policy': setPolicy,
  settle: nothingMore,
}

const FORBIDDEN: Refusal = { refused: { code: 'forbidden' } }

const REPORTS: { readonly [Name in PoolOperationName]?: (operation: Operation<Name>) => Report } = {
  heartbeat: ({ id }) => ({ id, is: 'alive' }),
  end: ({ id, outcome }) => ({ id, is: 'ended', outcome }),
}

/**
 * The only way to change an existing pool; a pure function. It adjusts the pool to the clock, removes reservations and
 * queue entries that have ended, begins bookings that are due, and then applies the operation. If nothing changed, it returns the same object and no
 * records.
 */
export function apply<Name extends PoolOperationName>(
  stored: Pool,
  operation: Operation<Name>,
  context: Context,
): Step<Answers[Name]> {
  const { actor, now, processes } = context
  const report: ((operation: Operation<Name>) => Report) | undefined = REPORTS[operation.op]
  const present = followClock(stored, now)
  const isRefused = isForbidden(present, operation, actor)
  const settled = settle(present, now, processes, isRefused ? undefined : report?.(operation))
  const followed = followBookings(settled.pool, context)
  const handle: Handler<Name> = HANDLERS[operation.op]
  const done: Done<Answers[Name]> = isRefused
    ? { pool: followed.pool, answer: FORBIDDEN }
    : handle(followed.pool, operation, context)
  const { records = [] } = done
  return step(stored, { ...done, records: [...settled.ended, ...followed.ended, ...records] }, context)
}

/** Sets up a pool. `stored` is null if there is no pool or it cannot be read. */
export function applySetUp(
  stored: Pool | null,
  operation: Operation<'set-up'>,
  context: Context,
): Step<Answers['set-up']> {
  return step(stored, setUp(stored, operation, context), context)
}

function step<Answer>(
  stored: Pool | null,
  { pool: changed, records = [], audit, sums, answer }: Done<Answer>,
  { now, processes: { stopped } }: Context,
): Step<Answer> {
  const writesHistory = stored !== null && (records.length > 0 || (audit !== undefined && audit.length > 0))
  const pool = writesHistory ? withHistoryKept(changed, stored, now) : changed
  const startable = pool === stored ? [] : startableEntries(pool, { now: now.wall, stopped })
  const wake = startable.map(({ id }) => id)
  return {
    ...{ pool, records, wake, answer },
    ...(audit === undefined ? {} : { audit }),
    ...(sums === undefined ? {} : { sums }),
  }
}
