import { CanhazgpuError } from '../errors.ts'
import { printable, shortened } from '../text/text.ts'
import { BOARD_EXPECTED } from './board-address.ts'

/** `server` is the name of the board without its password. */
export const boardUnavailable = (server: string, why: string): CanhazgpuError =>
  new CanhazgpuError('board-unavailable', `The notice board at ${server} cannot be used: ${why}`, {
    hint: 'every host works without it; look at the server and at the setting fleet',
  })

export const leftOut = (name: string): CanhazgpuError =>
  new CanhazgpuError(
    'board-unavailable',
    `left out, because the notice board has more than is read at once; try: canhazgpu status --host ${name}`,
  )

export const lostNotice = (name: string): CanhazgpuError =>
  new CanhazgpuError('board-unavailable', `the notice board has lost what ${name} published`)

export const strangeBoard = (): CanhazgpuError =>
  new CanhazgpuError('board-unavailable', 'The notice board cannot be used: its answer makes no sense', {
    hint: 'the setting fleet must name a Redis (6 or newer) or a Valkey server',
  })

export const unreadableBoardFile = (path: string, why: string): CanhazgpuError =>
  new CanhazgpuError('config-invalid', `Cannot read ${path}, which the setting fleet names: ${why}`, {
    hint: 'the file must contain the URL of the board',
  })

/** Only some accounts may read the URL. */
export const closedBoardFile = (path: string): CanhazgpuError =>
  new CanhazgpuError('permission-denied', `You may not read ${path}, which the setting fleet names`, {
    hint: 'to look at other hosts, set fleet in ~/.canhazgpu.yaml, or CANHAZGPU_FLEET, to a URL that may read the board',
  })

export const noUrlInBoardFile = (path: string): CanhazgpuError =>
  new CanhazgpuError(
    'config-invalid',
    `${path}, which the setting fleet names, has no URL of a notice board - expected ${BOARD_EXPECTED}`,
  )

export const hostUnknown = (name: string): CanhazgpuError =>
  new CanhazgpuError(
    'host-unknown',
    `There is no host '${shortened(printable(name), 100)}' in remote_hosts or on the notice board`,
    { hint: "'canhazgpu status --all --summary' lists the hosts" },
  )

export const hostUnreachable = (host: Login, why: string): CanhazgpuError =>
  new CanhazgpuError('host-unreachable', `Cannot reach ${host.name}: ${printable(why).replace(/\.$/, '')}`, {
    hint: `try: ssh ${loginOf(host)} true`,
  })

/** A `RemoteHost`, or a host that only has a name. */
interface Login {
  readonly name: string
  readonly account?: string
}

/** The host as `ssh` names it. */
export const loginOf = ({ name, account }: Login): string =>
  account === undefined ? name : `${account}@${name}`

export const notUnderstood = (name: string): CanhazgpuError =>
  new CanhazgpuError('host-incompatible', `This version does not understand what ${name} publishes`, {
    hint: 'install the same version on both hosts',
  })

export const namesake = (name: string): CanhazgpuError =>
  new CanhazgpuError('failure', `Another host publishes as ${name} on the notice board`, {
    hint: 'give each host a name of its own with the setting host-name',
  })

export const notPublishedByDaemon = (): CanhazgpuError =>
  new CanhazgpuError(
    'board-unavailable',
    'The daemon publishes it again within 15 s; if not, its log says why: journalctl -u canhazgpu',
  )
