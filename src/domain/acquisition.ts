import { choose, type Shortage, type Sight } from './allocation.ts'
import { CanhazgpuError } from './errors.ts'
import type {
  Account,
  ManualReservation,
  Millis,
  Pool,
  Request,
  Reservation,
  RunReservation,
} from './model.ts'

/** Who wants which GPUs for what. Ids are made by the caller, so that the decision stays pure. */
export interface Intent {
  readonly id: string
  readonly request: Request
  readonly user: string
  readonly account: Account
  readonly note?: string
  readonly hold: RunHold | ManualHold
}

export type RunHold = Pick<RunReservation, 'kind' | 'process' | 'command'> & { readonly timeout?: Millis }
export type ManualHold = Pick<ManualReservation, 'kind'> & { readonly duration: Millis }

export type Acquisition =
  | { readonly kind: 'granted'; readonly reservation: Reservation }
  | { readonly kind: 'refused'; readonly shortage: Shortage }

/** Grants all that is asked for, or nothing: the pool is then the one that was given. */
export function acquire(pool: Pool, intent: Intent, sight: Sight, now: Millis) {
  const choice = choose(pool, intent.request, intent.account.uid, sight)
  if (choice.kind === 'short') return { pool, result: refused(choice.shortage) }
  const reservation = reservationOf(intent, choice.gpus, now)
  return {
    pool: { ...pool, reservations: [...pool.reservations, reservation] },
    result: granted(reservation),
  }
}

const granted = (reservation: Reservation): Acquisition => ({ kind: 'granted', reservation })
const refused = (shortage: Shortage): Acquisition => ({ kind: 'refused', shortage })

/** Throws `impossible-request` for what this pool can never grant, however long one waits. */
export function checkPossible(pool: Pool, request: Request): void {
  const count = pool.gpus.length
  const last = `this pool has ${count} ${count === 1 ? 'GPU (ID 0)' : `GPUs (IDs 0 to ${count - 1})`}`
  const refuse = (what: string): never => {
    throw new CanhazgpuError('impossible-request', `${what}: ${last}`, {
      hint: "see 'canhazgpu status' for the GPUs of this machine",
    })
  }
  switch (request.kind) {
    case 'count':
      if (request.count > count) refuse(`Cannot reserve ${request.count} GPUs`)
      return
    case 'ids': {
      const unknown = request.ids.filter((id) => id >= count)
      if (unknown.length > 0) refuse(`No such GPU: ${unknown.join(', ')}`)
    }
  }
}

function reservationOf(intent: Intent, gpus: readonly number[], now: Millis): Reservation {
  const { id, user, account, note, hold } = intent
  const base = { id, gpus, user, account, startedAt: now, ...(note === undefined ? {} : { note }) }
  switch (hold.kind) {
    case 'run': {
      const timeoutAt = hold.timeout === undefined ? {} : { timeoutAt: now + hold.timeout }
      const { kind, process, command } = hold
      return { ...base, kind, process, command, heartbeatAt: now, ...timeoutAt }
    }
    case 'manual':
      return { ...base, kind: hold.kind, expiresAt: now + hold.duration }
  }
}
