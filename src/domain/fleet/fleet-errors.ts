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
  new CanhazgpuError('config-invalid', `Cannot read ${path}, which the setting fleet names: ${why}`)

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

export const hostUnreachable = (name: string, why: string): CanhazgpuError =>
  new CanhazgpuError('host-unreachable', `Cannot reach ${name}: ${printable(why)}`, {
    hint: `nothing runs there for you; try: ssh ${name} true`,
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
