import type { Acquire, Action } from './actions.ts'
import type { CommandRequest } from './log.ts'
import type { Setup, User } from './setup.ts'

const GRACE_S = 1

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
  const argv = [
    ...[kind, '--json', '--note', command],
    ...(typeof gpus === 'number' ? ['--gpus', String(gpus)] : ['--gpu-ids', gpus.join()]),
    ...(waitLimit === undefined ? [] : ['--wait', ...(waitLimit === null ? [] : [`${waitLimit}s`])]),
    ...(kind === 'reserve' ? ['--duration', `${holdLimit}s`] : []),
    ...(kind === 'run' && holdLimit !== undefined
      ? ['--timeout', `${holdLimit}s`, '--grace', `${GRACE_S}s`]
      : []),
    ...(kind === 'run' ? ['--', ...setup.job(command), ...jobOptions(action)] : []),
  ]
  return {
    verb: kind,
    argv,
    gpus,
    ...(waitLimit === undefined ? {} : { waitLimit: waitLimit === null ? null : waitLimit * 1000 }),
    ...(holdLimit === undefined
      ? {}
      : { holdLimit: (kind === 'run' ? holdLimit + GRACE_S : holdLimit) * 1000 }),
  }
}

const jobOptions = ({ lifetime, status, ignoresSigint }: Acquire): string[] =>
  [lifetime, status, Number(ignoresSigint)].map(String)
