import type { Acquire, Action, Book } from './actions.ts'
import { CALENDAR_RULES } from './calendar-actions.ts'
import type { CommandRequest } from './log.ts'
import type { Setup, User } from './setup.ts'

const GRACE_S = 1
/** More than every limit that a run can get from the policy and the bookings. */
const LIMITED_BY_THE_POOL_MS = 3_600_000

/** The command line of an action, with its meaning for the checker. */
export function requestFor(
  action: Exclude<Action, { kind: 'kill-writer' }>,
  command: string,
  setup: Setup,
): CommandRequest {
  const user = userOf(setup, action.user)
  switch (action.kind) {
    case 'run':
    case 'reserve':
      return { ...acquireRequest(action, command, setup), user: user.name, uid: user.uid }
    case 'book':
      return bookRequest(action, command, user)
    case 'drain':
      return gpusRequest(setup.administrator, 'drain', action.ids)
    case 'policy':
      return policyRequest(setup, action)
    case 'release':
      return releaseRequest(user, action.ids)
    case 'status':
    case 'queue':
    case 'report':
      return readRequest(user, action.kind, '--json')
  }
}

export function releaseRequest({ name, uid }: User, ids: readonly number[] | null): CommandRequest {
  const argv = ['release', '--json', ...(ids === null ? [] : ['--gpu-ids', ids.join()])]
  return { verb: 'release', argv, user: name, uid, ...(ids === null ? {} : { gpus: ids }) }
}

/** Cancels a booking, or ends the reservation that it became. */
export const cancelRequest = ({ name, uid }: User, booking: string): CommandRequest => ({
  verb: 'cancel',
  argv: ['release', '--json', booking],
  user: name,
  uid,
  booking,
})

export const gpusRequest = (
  { name, uid }: User,
  verb: 'drain' | 'restore',
  gpus: readonly number[],
): CommandRequest => ({ verb, argv: [verb, '--json', gpus.join()], user: name, uid, gpus })

/** `value`: null returns to the default. */
export interface RuleChange {
  readonly rule: string
  readonly value: string | null
  readonly of: number | 'pool'
}

export function policyRequest(setup: Setup, { rule, value, of }: RuleChange): CommandRequest {
  const { name, uid } = setup.administrator
  const scope = of === 'pool' ? [] : ['--account', userOf(setup, of).name]
  const change = value === null ? ['unset', rule] : ['set', rule, value]
  return { verb: 'policy', argv: ['policy', ...change, ...scope, '--json'], user: name, uid }
}

/** The change back to what was in force before. */
export function undone({ rule, of }: RuleChange): RuleChange {
  const usual = of === 'pool' ? CALENDAR_RULES.find(([key]) => key === rule)?.[1] : undefined
  return { rule, value: usual ?? null, of }
}

export function readRequest(
  { name, uid }: User,
  verb: CommandRequest['verb'],
  ...options: string[]
): CommandRequest {
  return { verb, argv: [verb, ...options], user: name, uid }
}

export function userOf({ users }: Setup, nth: number): User {
  const user = users[nth]
  if (user === undefined) throw new Error(`there is no user ${nth}`)
  return user
}

function acquireRequest(
  action: Acquire,
  command: string,
  setup: Setup,
): Omit<CommandRequest, 'user' | 'uid'> {
  const { kind, gpus, waitLimit, holdLimit } = action
  const limit = holdLimitOf(action)
  const argv = [
    ...[kind, '--json', '--note', command, ...gpuOptions(gpus)],
    ...(waitLimit === undefined ? [] : ['--wait', ...(waitLimit === null ? [] : [`${waitLimit}s`])]),
    ...(kind === 'reserve' ? ['--duration', `${holdLimit}s`] : []),
    ...(kind === 'run' ? limitOptions(action) : []),
    ...(kind === 'run' ? ['--', ...setup.job(command), ...jobOptions(action)] : []),
  ]
  return {
    verb: kind,
    argv,
    gpus,
    ...(waitLimit === undefined ? {} : { waitLimit: waitLimit === null ? null : waitLimit * 1000 }),
    ...(limit === undefined ? {} : { holdLimit: limit }),
  }
}

function bookRequest({ gpus, ahead, lasts }: Book, command: string, { name, uid }: User): CommandRequest {
  const times = ['--at', `in ${ahead}s`, '--duration', `${lasts}s`]
  const argv = ['reserve', '--json', '--note', command, ...gpuOptions(gpus), ...times]
  return { verb: 'book', argv, user: name, uid, gpus, holdLimit: lasts * 1000 }
}

const gpuOptions = (gpus: number | readonly number[]): readonly string[] =>
  typeof gpus === 'number' ? ['--gpus', String(gpus)] : ['--gpu-ids', gpus.join()]

function limitOptions({ holdLimit }: Acquire): readonly string[] {
  if (holdLimit === undefined || holdLimit === 'default') return []
  const limit = holdLimit === 'until-booked' ? ['--until-booked'] : ['--timeout', `${holdLimit}s`]
  return [...limit, '--grace', `${GRACE_S}s`]
}

function holdLimitOf({ kind, holdLimit }: Acquire): number | undefined {
  if (typeof holdLimit === 'number') return (kind === 'run' ? holdLimit + GRACE_S : holdLimit) * 1000
  return holdLimit === undefined ? undefined : LIMITED_BY_THE_POOL_MS
}

const jobOptions = ({ lifetime, status, ignoresSigint }: Acquire): string[] =>
  [lifetime, status, Number(ignoresSigint)].map(String)
