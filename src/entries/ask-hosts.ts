import { hostname } from '../adapters/kernel/procfs.ts'
import { selfCommand } from '../adapters/process/self.ts'
import { askHost } from '../adapters/ssh/ask-host.ts'
import { sshCommand } from '../adapters/ssh/ssh-command.ts'
import type { HostedCommand } from '../cli/context.ts'
import type { Asked } from '../domain/fleet/forecast.ts'
import { type HostName, ownHostName, type RemoteHost } from '../domain/fleet/host-name.ts'
import type { Millis } from '../domain/pool/model.ts'
import { hostForecast } from '../views/words/host-forecast.ts'
import { LOCAL_OPTIONS, requestFor } from './host-request.ts'
import type { Here } from './run-there.ts'

/** A host that may run the command; `remote` is null for this one. */
export interface Candidate {
  readonly name: HostName
  readonly remote: RemoteHost | null
}

const CONNECT_MS: Millis = 5_000
/** A host that has not answered until then is left out: when it is asked, and when it is to start the command. */
export const ANSWER_MS: Millis = 15_000

/** This host first: what runs here needs no connection. */
export function candidates({ settings }: Here): readonly Candidate[] {
  const own = ownHostName(settings.hostName, hostname())
  const others = settings.remoteHosts.filter(({ name }) => name !== own)
  return [{ name: own, remote: null }, ...others.map((remote) => ({ name: remote.name, remote }))]
}

/**
 * Asks all hosts at the same time when they could start the command. Returns the answers in the order of the hosts, up
 * to the first one that can start it now; the others are then not waited for.
 */
export async function askHosts(
  hosts: readonly Candidate[],
  command: HostedCommand,
  here: Here,
): Promise<readonly Asked<Candidate>[]> {
  const lines = hosts.map((host) => ({ host, argv: questionFor(host, command, here) }))
  const enough = new AbortController()
  const pending = lines.map(async ({ host, argv }): Promise<Asked<Candidate>> => {
    const answer = await askHost(argv, ANSWER_MS, enough.signal)
    return { host, forecast: hostForecast(answer, host.remote ?? host) }
  })
  const asked: Asked<Candidate>[] = []
  for (const each of pending) {
    const answer = await each
    asked.push(answer)
    if (answer.forecast.kind === 'now') break
  }
  enough.abort()
  // Then they have no process left.
  await Promise.all(pending)
  return asked
}

/** Throws `usage` if the command line is too long. */
function questionFor({ remote }: Candidate, command: HostedCommand, { args }: Here): readonly string[] {
  const { request } = requestFor(command, args, {
    operation: 'forecast',
    with: ['--json'],
    ...(remote === null ? { without: LOCAL_OPTIONS.slice(0, 2) } : {}),
  })
  return remote === null ? selfCommand(['__remote', request]) : sshCommand(remote, request, CONNECT_MS)
}
