import type { Ask } from './log.ts'
import type { Acquire, Action } from './script.ts'
import type { Player, Stage } from './stage.ts'

const GRACE_S = 1

/** The command line of an action, and what it means. */
export function askOf(action: Exclude<Action, { kind: 'hunt' }>, command: string, stage: Stage): Ask {
  const player = playerOf(stage, action.player)
  switch (action.kind) {
    case 'run':
    case 'reserve':
      return { ...acquiring(action, command, stage), user: player.name, uid: player.uid }
    case 'release':
      return releasing(player, action.ids)
    case 'status':
    case 'queue':
    case 'report':
      return looking(player, action.kind, '--json')
  }
}

export function releasing({ name, uid }: Player, ids: readonly number[] | null): Ask {
  const argv = ['release', '--json', ...(ids === null ? [] : ['--gpu-ids', ids.join()])]
  return { verb: 'release', argv, user: name, uid, ...(ids === null ? {} : { gpus: ids }) }
}

export function looking({ name, uid }: Player, verb: Ask['verb'], ...options: string[]): Ask {
  return { verb, argv: [verb, ...options], user: name, uid }
}

export function playerOf({ players }: Stage, nth: number): Player {
  const player = players[nth]
  if (player === undefined) throw new Error(`there is no player ${nth}`)
  return player
}

function acquiring(action: Acquire, command: string, stage: Stage): Omit<Ask, 'user' | 'uid'> {
  const { kind, gpus, patience, holds } = action
  const argv = [
    ...[kind, '--json', '--note', command],
    ...(typeof gpus === 'number' ? ['--gpus', String(gpus)] : ['--gpu-ids', gpus.join()]),
    ...(patience === undefined ? [] : ['--wait', ...(patience === null ? [] : [`${patience}s`])]),
    ...(kind === 'reserve' ? ['--duration', `${holds}s`] : []),
    ...(kind === 'run' && holds !== undefined ? ['--timeout', `${holds}s`, '--grace', `${GRACE_S}s`] : []),
    ...(kind === 'run' ? ['--', ...stage.job(command), ...jobOptions(action)] : []),
  ]
  return {
    verb: kind,
    argv,
    gpus,
    ...(patience === undefined ? {} : { patience: patience === null ? null : patience * 1000 }),
    ...(holds === undefined ? {} : { holds: (kind === 'run' ? holds + GRACE_S : holds) * 1000 }),
  }
}

const jobOptions = ({ life, status, stubborn }: Acquire): string[] =>
  [life, status, Number(stubborn)].map(String)
