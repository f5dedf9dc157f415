import { endLike } from '../adapters/process/end-like.ts'
import { callHost } from '../adapters/ssh/call-host.ts'
import type { HostedCommand } from '../cli/context.ts'
import type { RemoteHost } from '../domain/fleet/host-name.ts'
import type { Settings } from '../domain/settings.ts'
import { commandFailure } from '../views/words/host-failures.ts'
import type { Output } from '../views/words/printed.ts'
import { requestFor } from './host-request.ts'

export interface Here {
  readonly settings: Settings
  /** The arguments of this program. */
  readonly args: readonly string[]
  readonly ignoredSignals: bigint
  readonly stderr: Output
  readonly json: boolean
}

/** Runs the command on this host, and ends as it ends. Throws if it cannot be run there. */
export async function runThere(command: HostedCommand, host: RemoteHost, here: Here): Promise<never> {
  const end = await callHost({
    ...requestFor(command, here.args, { operation: 'command' }),
    host,
    hasInput: command.name === 'run',
    ignoredSignals: here.ignoredSignals,
  })
  if (end.kind === 'ended') return endLike(end.end)
  throw commandFailure(end, host)
}
