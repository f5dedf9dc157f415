import { currentFolder } from '../adapters/process/current-folder.ts'
import { inheritedEnvironment, toByteText, typedArguments } from '../adapters/process/environment.ts'
import { isTerminal } from '../adapters/process/terminal.ts'
import { isInForeground, readModes } from '../adapters/process/terminal-modes.ts'
import { CallerTerminal } from '../adapters/ssh/caller-terminal.ts'
import type { HostedCommand } from '../cli/context.ts'
import { typedWords } from '../cli/typed-words.ts'
import { encodeRequest, type RemoteCommand, type RemoteTerminal } from '../domain/fleet/remote-request.ts'
import { noFolderHere, requestTooLong } from '../views/words/host-failures.ts'
import { VERSION } from './version.ts'

export interface Request extends Pick<RemoteCommand, 'operation'> {
  /** More options that another host does not get. */
  readonly without?: readonly string[]
  /** More words. */
  readonly with?: readonly string[]
}

/** A request in the form that `callHost` and `askHost` send. */
export interface Encoded {
  readonly request: string
  readonly hasTerminal: boolean
}

/** Options for this host only: which host, and where this program finds its settings here. */
export const LOCAL_OPTIONS = ['host', 'workdir', 'config', 'store']

/** Variables of the caller that the command on the host gets, as with `ssh`: its terminal and its language. */
const PASSED = /^(TERM|COLORTERM|NO_COLOR|LANG|LANGUAGE|LC_\w+)=/

/** Makes a request of the command line of this process. Throws `usage` if it is too long. */
export function requestFor(
  { name, options, workdir }: HostedCommand,
  args: readonly string[],
  { operation, without = LOCAL_OPTIONS, with: more = [] }: Request,
): Encoded {
  const { words, commandLine } = typedWords(args, typedArguments(args.length), { own: options, without })
  const terminal = operation === 'command' && name === 'run' ? terminalHere() : undefined
  const request = encodeRequest(
    {
      ...{ operation, command: name, words: [...words, ...more] },
      environment: inheritedEnvironment().filter((entry) => PASSED.test(entry)),
      ...(commandLine === null ? {} : { commandLine, folder: folderOf(workdir) }),
      ...(terminal === undefined ? {} : { terminal }),
    },
    VERSION,
  )
  if (request === null) throw requestTooLong()
  return { request, hasTerminal: terminal !== undefined }
}

/** The current folder under the name that the shell shows: its links may lead elsewhere on the other host. */
function folderOf(workdir: string | undefined): string {
  if (workdir !== undefined) return toByteText(workdir)
  const folder = currentFolder()
  if (folder !== null) return folder
  throw noFolderHere()
}

function terminalHere(): RemoteTerminal | undefined {
  if (!isTerminal(0) || !isTerminal(1) || !isInForeground(0)) return undefined
  const modes = readModes(0)
  if (modes === null) return undefined
  return { ...new CallerTerminal().size, modes: modes.toHex(), hasErrorOutput: isTerminal(2) }
}
