import { CanhazgpuError, ERROR_CODES, type ErrorCode } from '../../domain/errors.ts'
import type { FailedCall } from '../../domain/fleet/call-end.ts'
import { hostUnreachable, loginOf } from '../../domain/fleet/fleet-errors.ts'
import type { RemoteHost } from '../../domain/fleet/host-name.ts'
import { type Decoded, REQUEST_VERSION } from '../../domain/fleet/remote-request.ts'
import { printable, shortened } from '../../domain/text/text.ts'

/** The failure of a command that another host was asked to run. */
export function commandFailure(end: FailedCall, host: RemoteHost): CanhazgpuError {
  const failure = callFailure(end, host)
  if (end.kind !== 'unreachable') return failure
  const hint = `this command has reserved nothing there; ${failure.hint}`
  return new CanhazgpuError(failure.code, failure.message, { hint })
}

/** Why another host has not answered a question. */
export function callFailure(end: FailedCall, host: RemoteHost): CanhazgpuError {
  const { name } = host
  switch (end.kind) {
    case 'failed': {
      const { code, message, hint } = end.failure
      return new CanhazgpuError(isErrorCode(code) ? code : 'failure', `${name}: ${textOf(message)}`, {
        ...(typeof hint === 'string' ? { hint: printable(hint) } : {}),
      })
    }
    case 'unreachable':
      return hostUnreachable(host, end.reason)
    case 'not-understood':
      return new CanhazgpuError(
        'host-incompatible',
        `canhazgpu does not answer on ${name}: ${textOf(end.reason)}`,
        {
          hint: `install this version there; try: ssh ${loginOf(host)} canhazgpu --version`,
        },
      )
    case 'lost':
      return new CanhazgpuError('connection-lost', `The connection to ${name} was lost`, {
        hint: `a command there gets SIGHUP when that host notices it; see: canhazgpu status --host ${name}`,
      })
    case 'output-lost':
      return new CanhazgpuError('failure', `The output of ${name} cannot be written: ${end.reason}`, {
        hint: `the command there has ended: see 'canhazgpu status --host ${name}'`,
      })
    case 'interrupted':
      return new CanhazgpuError('interrupted', `Interrupted while connecting to ${name}`)
  }
}

export function unknownHost(name: string, known: readonly RemoteHost[]): CanhazgpuError {
  const names = known.map((each) => each.name).join(', ')
  const message = `There is no host '${shortened(printable(name), 100)}' in remote_hosts of the configuration`
  return new CanhazgpuError('host-unknown', message, {
    hint: `it lists ${names === '' ? 'no host' : shortened(names, 500)}`,
  })
}

/** On the host: why it does not perform a request. */
export function requestFailure(decoded: Exclude<Decoded, { kind: 'request' }>, own: string): CanhazgpuError {
  const detail = { hint: 'install the same version on both hosts' }
  switch (decoded.kind) {
    case 'other-version':
      return new CanhazgpuError(
        'host-incompatible',
        `canhazgpu ${own} there understands version ${REQUEST_VERSION} of requests, and canhazgpu ${decoded.program} here sends version ${decoded.version}`,
        detail,
      )
    case 'invalid':
      return new CanhazgpuError(
        'host-incompatible',
        `canhazgpu ${own} there does not understand the request`,
        detail,
      )
  }
}

/** On the host: it has no such working folder. */
export const folderFailure = (folder: string, reason: string): CanhazgpuError =>
  new CanhazgpuError('failure', `cannot use the folder ${printable(folder)} there: ${reason}`, {
    hint: 'name a folder of that host with --workdir',
  })

export const noFolderHere = (): CanhazgpuError =>
  new CanhazgpuError('failure', 'The current folder does not exist any longer', {
    hint: 'name a folder of that host with --workdir',
  })

export const requestTooLong = (): CanhazgpuError =>
  new CanhazgpuError('usage', 'The command line is too long for another host', {
    hint: 'write the command into a script there',
  })

const textOf = (value: unknown): string => printable(typeof value === 'string' ? value : 'unknown reason')

const isErrorCode = (code: unknown): code is ErrorCode => ERROR_CODES.some((each) => each === code)
