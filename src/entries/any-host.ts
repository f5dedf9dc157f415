import { errorText } from '../adapters/kernel/libc/library.ts'
import { changeFolder } from '../adapters/kernel/libc/paths.ts'
import { hostname } from '../adapters/kernel/procfs.ts'
import { endLike } from '../adapters/process/end-like.ts'
import { toByteText } from '../adapters/process/environment.ts'
import { selfCommand } from '../adapters/process/self.ts'
import { askHost } from '../adapters/ssh/ask-host.ts'
import { callHost } from '../adapters/ssh/call-host.ts'
import { sshCommand } from '../adapters/ssh/ssh-command.ts'
import type { HostedCommand } from '../cli/context.ts'
import type { CallEnd } from '../domain/fleet/call-end.ts'
import { type Asked, firstToStart, type HostForecast, startingNow } from '../domain/fleet/forecast.ts'
import { type HostName, ownHostName, type RemoteHost } from '../domain/fleet/host-name.ts'
import type { Millis } from '../domain/pool/model.ts'
import { chosenHostLine, noHostNow, noUsableHost } from '../views/words/any-host.ts'
import { callFailure, folderFailure } from '../views/words/host-failures.ts'
import { hostForecast } from '../views/words/host-forecast.ts'
import { LOCAL_OPTIONS, requestFor } from './host-request.ts'
import { type Here, runThere } from './run-there.ts'

/** A host that may run the command; `remote` is null for this one. */
interface Candidate {
  readonly name: HostName
  readonly remote: RemoteHost | null
}

const CONNECT_MS: Millis = 5_000
/** A host that has not answered until then is left out: when it is asked, and when it is to start the command. */
const ANSWER_MS: Millis = 15_000

/**
 * Runs the command on a host that can start it now. If there is none, it joins the queue of the host with the earliest
 * forecast. Returns if that is this host.
 */
export async function runOnAnyHost(command: HostedCommand, here: Here): Promise<void> {
  const asked = await Promise.all(candidates(here).map((host) => ask(host, command, here)))
  for (const { name, remote } of startingNow(asked)) {
    const announcement = chosenHostLine(name, 'starts', here.json)
    if (remote === null) return stay(command, announcement, here)
    const end = await attempt(command, remote, { here, announcement })
    if (end !== null) return endLike(end)
  }
  const first = firstToStart(asked)
  if (first === undefined) throw noUsableHost(asked.map(named))
  if (!command.waits) throw noHostNow(named(first), Date.now())
  const { name, remote } = first.host
  const announcement = chosenHostLine(name, 'waits', here.json)
  if (remote === null) return stay(command, announcement, here)
  here.stderr.write(announcement)
  return runThere(command, remote, here)
}

const named = ({ host, forecast }: Asked<Candidate>): Asked<HostName> => ({ host: host.name, forecast })

/** This host first: what runs here needs no connection. */
function candidates({ settings }: Here): readonly Candidate[] {
  const own = ownHostName(settings.hostName, hostname())
  const others = settings.remoteHosts.filter(({ name }) => name !== own)
  return [{ name: own, remote: null }, ...others.map((remote) => ({ name: remote.name, remote }))]
}

async function ask(host: Candidate, command: HostedCommand, { args }: Here): Promise<Asked<Candidate>> {
  const { name, remote } = host
  const { request } = requestFor(command, args, {
    operation: 'forecast',
    with: ['--json'],
    ...(remote === null ? { without: LOCAL_OPTIONS.slice(0, 2) } : {}),
  })
  const argv = remote === null ? selfCommand(['__remote', request]) : sshCommand(remote, request, CONNECT_MS)
  const forecast: HostForecast = hostForecast(await askHost(argv, ANSWER_MS), name)
  return { host, forecast }
}

/** Starts it there at once; null if that is not possible any longer. */
async function attempt(
  command: HostedCommand,
  host: RemoteHost,
  { here, announcement }: { readonly here: Here; readonly announcement: string },
): Promise<Extract<CallEnd, { kind: 'ended' }>['end'] | null> {
  const end = await callHost({
    ...requestFor(command, here.args, {
      operation: 'command',
      without: [...LOCAL_OPTIONS, 'wait', 'nonblock'],
      with: ['--nonblock'],
    }),
    host,
    hasInput: command.name === 'run',
    ignoredSignals: here.ignoredSignals,
    announcement,
    answerWithin: ANSWER_MS,
  })
  switch (end.kind) {
    case 'ended':
      return end.isStarted ? end.end : null
    case 'lost':
    case 'interrupted':
      throw callFailure(end, host.name)
    default:
      return null
  }
}

function stay({ workdir }: HostedCommand, announcement: string, { stderr }: Here): void {
  stderr.write(announcement)
  if (workdir === undefined) return
  const failure = changeFolder(toByteText(workdir))
  if (failure < 0) throw folderFailure(workdir, errorText(-failure))
}
