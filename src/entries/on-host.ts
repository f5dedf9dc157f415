import { currentFolder } from '../adapters/process/current-folder.ts'
import { endLike } from '../adapters/process/end-like.ts'
import { inheritedEnvironment, toByteText, typedArguments } from '../adapters/process/environment.ts'
import { isTerminal } from '../adapters/process/terminal.ts'
import { isInForeground, readModes } from '../adapters/process/terminal-modes.ts'
import { callHost } from '../adapters/ssh/call-host.ts'
import { CallerTerminal } from '../adapters/ssh/caller-terminal.ts'
import type { HostedCommand } from '../cli/context.ts'
import { typedWords } from '../cli/typed-words.ts'
import type { RemoteHost } from '../domain/fleet/host-name.ts'
import { encodeRequest, type RemoteCommand, type RemoteTerminal } from '../domain/fleet/remote-request.ts'
import type { Settings } from '../domain/settings.ts'
import { callFailure, noFolderHere, requestTooLong, unknownHost } from '../views/words/host-failures.ts'
import { VERSION } from './version.ts'

interface Here {
  readonly settings: Settings
  /** The arguments of this program. */
  readonly args: readonly string[]
  readonly ignoredSignals: bigint
}

/** Variables of the caller that the command on the host gets, as with `ssh`: its terminal and its language. */
const PASSED = /^(TERM|COLORTERM|NO_COLOR|LANG|LANGUAGE|LC_\w+)=/

/** Runs this command on another host, and ends as it ends. Throws if it cannot be run there. */
export async function runOnHost(command: HostedCommand, here: Here): Promise<never> {
  const host = configuredHost(command.host, here.settings)
  const hasTerminal = command.name === 'run' && isTerminal(0) && isTerminal(1) && isInForeground(0)
  const request = requestOf(command, here.args, hasTerminal ? terminalHere() : undefined)
  const encoded = encodeRequest(request, VERSION)
  if (encoded === null) throw requestTooLong()
  const end = await callHost({
    host,
    request: encoded,
    hasTerminal,
    hasInput: command.name === 'run',
    ignoredSignals: here.ignoredSignals,
    isTrial: false,
  })
  if (end.kind === 'ended') return endLike(end.end)
  throw callFailure(end, host.name)
}

/** Only the configuration names hosts to connect to. */
export function configuredHost(name: string, { remoteHosts }: Settings): RemoteHost {
  const host = remoteHosts.find((each) => each.name === name)
  if (host !== undefined) return host
  throw unknownHost(name, remoteHosts)
}

function requestOf(
  { name, options, workdir }: HostedCommand,
  args: readonly string[],
  terminal: RemoteTerminal | undefined,
): RemoteCommand {
  const { words, commandLine } = typedWords(args, typedArguments(args.length), options)
  return {
    ...{ operation: 'command', command: name, words },
    environment: inheritedEnvironment().filter((entry) => PASSED.test(entry)),
    ...(commandLine === null ? {} : { commandLine, folder: folderOf(workdir) }),
    ...(terminal === undefined ? {} : { terminal }),
  }
}

/** The current folder under the name that the shell shows: its links may lead elsewhere on the other host. */
function folderOf(workdir: string | undefined): string {
  if (workdir !== undefined) return toByteText(workdir)
  const folder = currentFolder()
  if (folder !== null) return folder
  throw noFolderHere()
}

function terminalHere(): RemoteTerminal | undefined {
  const modes = readModes(0)
  if (modes === null) return undefined
  return { ...new CallerTerminal().size, modes: modes.toHex(), hasErrorOutput: isTerminal(2) }
}
