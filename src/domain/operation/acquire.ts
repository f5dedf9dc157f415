import { type Evidence, reservedUnits } from '../observation/allocation.ts'
import { evidenceOf, type Observation } from '../observation/observation.ts'
import { visibleDevices } from '../observation/visible-devices.ts'
import type { Moment, Pool, Reservation } from '../pool/model.ts'
import { unitsOf } from '../pool/units.ts'
import { clearUnresponsive, noteStartable } from '../schedule/unresponsive.ts'
import { acquire, addToQueue, impossibleIn } from './acquisition.ts'
import { type Grant, type RequestedTerm, typedDuration } from './intent.ts'
import { limitedIntent, limitNeverAllowing, limitReached } from './limited-request.ts'
import type { Acquired, Context, Done, Operation } from './operation.ts'
import { type BookedUp, isRefusal, type Shortage } from './refusal.ts'

/** Grants units that the driver reports idle. Otherwise joins the queue or refuses. */
export function acquireUnits(
  pool: Pool,
  { intent: given, wait }: Operation<'acquire'>,
  context: Context,
): Done<Acquired> {
  const impossible = impossibleIn(pool, given.request)
  if (impossible !== null) return { pool, answer: impossible }
  const intent = limitedIntent(pool.policy, given, context.groups)
  const observed = observationIn(context)
  const evidence = evidenceOf(pool, observed)
  const now = context.now.wall
  const held = pool.reservations.find(({ id }) => id === intent.id)
  // The answer to an earlier request with this id was lost.
  if (held !== undefined) {
    const grant = grantOf(held, { evidence, observed, now: context.now })
    return { pool, answer: { kind: 'granted', grant } }
  }
  const never = limitNeverAllowing(pool, intent, now)
  if (never !== null) return { pool, answer: { refused: never } }
  const conditions = { now, stopped: context.processes.stopped, evidence }
  const limit = wait === undefined ? limitReached(pool, intent, conditions) : null
  if (limit !== null) return { pool, answer: { refused: limit } }
  // A daemon asks for its waiters, and a process may have been stopped since it began to ask. Others go first then.
  if (wait === undefined || !conditions.stopped(wait.process)) {
    const { pool: after, result } = acquire(pool, intent, conditions)
    if (result.kind === 'granted') {
      const grant = grantOf(result.reservation, { evidence, observed, now: context.now })
      return { pool: after, answer: { kind: 'granted', grant } }
    }
    if (wait === undefined) return { pool, answer: { refused: withAsked(result.shortage, given.term) } }
  }
  const waiting = addToQueue(
    clearUnresponsive(pool, intent.id),
    { ...intent, term: given.term },
    wait,
    conditions,
  )
  if (isRefusal(waiting)) return { pool, answer: waiting }
  const reading = { evidence, reserved: reservedUnits(pool) }
  return { pool: noteStartable(waiting, intent.id, conditions), answer: { kind: 'queued', reading } }
}

/** With the time that the user gave; a default of the pool is none. */
export function withAsked(shortage: Shortage | BookedUp, term: RequestedTerm): Shortage | BookedUp {
  const asked = typedDuration(term)
  return shortage.code !== 'booked' || asked === undefined ? shortage : { ...shortage, asked }
}

interface GrantFacts {
  readonly evidence: Evidence
  readonly observed: Observation
  readonly now: Moment
}

export function grantOf(reservation: Reservation, { evidence, observed, now }: GrantFacts): Grant {
  const { provider } = observed.probe
  const devices = visibleDevices(unitsOf(reservation), evidence.readings, provider)
  return { reservation, devices, provider, grantedAt: now.steady.ms }
}

/** The observation of an operation that needs one; a missing observation is a bug. */
export function observationIn({ observed }: Context): Observation {
  if (observed === undefined) throw new Error('this operation needs an observation')
  return observed
}
