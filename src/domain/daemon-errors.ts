import { CanhazgpuError } from './errors.ts'
import { MACHINE_FILE } from './settings.ts'

/** The failures between a command and the daemon, made in one place because client and daemon report them. */

export const daemonDown = (socket: string): CanhazgpuError =>
  new CanhazgpuError('daemon-unavailable', `The daemon at ${socket} does not answer`, {
    hint: "running jobs keep their GPUs; try again, or ask an administrator for 'systemctl status canhazgpu'",
  })

/** The request was sent, and must not be sent again. */
export const daemonStopped = (): CanhazgpuError =>
  new CanhazgpuError(
    'daemon-unavailable',
    'The daemon stopped before it answered, so the request may have been performed',
    { hint: "see 'canhazgpu status', then try again if needed" },
  )

/** The client repeats its request, because a daemon was killed before it answered. */
export const alreadyEnded = (): CanhazgpuError =>
  new CanhazgpuError(
    'not-enough-gpus',
    'The GPUs were granted before the daemon was restarted, and the reservation has ended since',
    { hint: 'it was released or has expired; try again' },
  )

export const tooManyConnections = (): CanhazgpuError =>
  new CanhazgpuError('daemon-unavailable', 'The daemon has too many connections', {
    hint: 'try again when some of your commands have ended',
  })

export const tooManyRequests = (most: number): CanhazgpuError =>
  incompatible(`More than ${most} requests of this connection are unanswered`)

export const tooManyWaitingRequests = (): CanhazgpuError =>
  new CanhazgpuError('daemon-unavailable', 'Too many requests of this account wait for the daemon', {
    hint: 'try again when some of your commands have ended',
  })

export const otherVersion = (): CanhazgpuError =>
  incompatible('This canhazgpu and the daemon are of different versions')

export const unknownRequest = (): CanhazgpuError =>
  incompatible('The daemon does not understand this request')

function incompatible(message: string): CanhazgpuError {
  return new CanhazgpuError('daemon-incompatible', message, {
    hint: 'install the same version, and restart the daemon',
  })
}

export const mayNotConnect = (socket: string, cause?: unknown): CanhazgpuError =>
  new CanhazgpuError('permission-denied', `This account may not connect to the daemon at ${socket}`, {
    hint: 'ask an administrator',
    cause,
  })

/** Another account could give any answer to root. */
export const foreignSocket = (socket: string, controlled: string): CanhazgpuError =>
  new CanhazgpuError(
    'permission-denied',
    `Root does not use the daemon at ${socket}: another account controls ${controlled}`,
    { hint: 'run it as an ordinary user, or give the daemon a socket in a folder of root' },
  )

export const replaceableSocket = (folder: string): CanhazgpuError =>
  new CanhazgpuError('permission-denied', `Other accounts could replace a socket in ${folder}`, {
    hint: 'name a socket in a folder that only your account can change with --socket',
  })

export const notSocket = (path: string): CanhazgpuError =>
  new CanhazgpuError('failure', `The file ${path} is not a socket, so the daemon does not replace it`, {
    hint: 'name another place with --socket',
  })

/** For accounts that may not set up the pool of the daemon. */
export const noPoolAtDaemon = (): CanhazgpuError =>
  new CanhazgpuError(
    'pool-not-initialized',
    "GPU pool not initialized - run 'sudo canhazgpu admin --gpus <count>' first",
  )

export const otherStore = (machineStore: string): CanhazgpuError =>
  new CanhazgpuError(
    'permission-denied',
    `The daemon of this machine reserves its GPUs (${machineStore} in ${MACHINE_FILE}), so another pool must not`,
    { hint: 'leave out --store and CANHAZGPU_STORE, or use a pool of simulated GPUs' },
  )

export const notAdministrator = (): CanhazgpuError =>
  new CanhazgpuError('permission-denied', 'Only root may change the pool of the daemon', {
    hint: 'use sudo, or ask an administrator',
  })

export const groupAtDaemon = (group: string): CanhazgpuError =>
  new CanhazgpuError('usage', `--group ${group}: the daemon serves every user, so its pool has no group`)

/** The daemon watches the process of a run or a waiter, so it must see it. */
export const unseenProcess = (): CanhazgpuError =>
  new CanhazgpuError('failure', 'The daemon cannot see this process, so it would not notice its end', {
    hint: 'run it in the pid namespace of the daemon, or below it',
  })

/** The message of a bug may contain anything, so it stays in the log of the daemon. */
export const daemonDefect = (): CanhazgpuError =>
  new CanhazgpuError('internal', 'The daemon failed; its log has the details', {
    hint: "see 'journalctl -u canhazgpu'",
  })
