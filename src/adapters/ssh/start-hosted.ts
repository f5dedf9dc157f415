import type { RemoteCommand, RemoteTerminal } from '../../domain/fleet/remote-request.ts'
import { close } from '../kernel/libc/descriptors.ts'
import { errorText } from '../kernel/libc/library.ts'
import { pidfdOpen } from '../kernel/libc/process.ts'
import { openPseudoTerminal, resizeTerminal } from '../kernel/pseudo-terminal.ts'
import { newPipe, newSocketPair, spawn } from '../kernel/spawn.ts'
import { currentFolder } from '../process/current-folder.ts'
import { inheritedEnvironment, toByteText, withVariables } from '../process/environment.ts'
import { type Inherited, setOpenFiles } from '../process/inherited.ts'
import { selfCommand } from '../process/self.ts'
import { setModes } from '../process/terminal-modes.ts'
import { Inlet } from './inlet.ts'
import { Outlet } from './outlet.ts'

/** The descriptor of the gate in the hosted process (`src/entries/hosted.ts`). */
const GATE = 3

const KINDS = { command: '__hosted', forecast: '__forecast' } as const

/** A command of this program that runs for a caller on another host. */
export interface Hosted {
  readonly pid: number
  readonly pidfd: number
  /** Asks for the permission of the caller, and waits for it. */
  readonly gate: Inlet
  readonly input: Outlet
  readonly output: Inlet
  /** Absent if the terminal shows it. */
  readonly errorOutput?: Inlet
  /** Our end of its terminal. */
  readonly terminal?: number
}

/** Starts the command in the current folder. Throws if there are too many processes or open files. */
export function startHosted(request: RemoteCommand, inherited: Inherited): Hosted {
  const { theirs, ours, path } = request.terminal === undefined ? pipes() : terminal(request.terminal)
  const [gate, theirGate] = newSocketPair()
  const words = selfCommand([KINDS[request.operation], String(GATE), request.command]).map(toByteText)
  const commandLine = request.commandLine === undefined ? [] : ['--', ...request.commandLine]
  // The runtime has raised the limit; the command must get the limit of this session.
  setOpenFiles(inherited.openFiles)
  const pid = spawn({
    program: words[0] ?? '',
    args: [...words, ...request.words, ...commandLine],
    environment: environmentOf(request, path),
    descriptors: [...theirs, theirGate],
    ownGroup: false,
  })
  for (const fd of new Set([...theirs, theirGate])) close(fd)
  if (pid < 0) throw new Error(`cannot start a process: ${errorText(-pid)}`)
  return { ...ours, pid, pidfd: pidfdOpen(pid), gate: new Inlet(gate, { mayBlock: false }) }
}

interface Streams {
  /** Its descriptors 0, 1 and 2. */
  readonly theirs: readonly number[]
  readonly ours: Pick<Hosted, 'input' | 'output' | 'errorOutput' | 'terminal'>
  /** Of the terminal. */
  readonly path?: string
}

function pipes(): Streams {
  const [input, output, errorOutput] = [newPipe(), newPipe(), newPipe()]
  return {
    theirs: [input.reading, output.writing, errorOutput.writing],
    ours: {
      input: new Outlet(input.writing, { mayBlock: false }),
      output: new Inlet(output.reading, { mayBlock: false }),
      errorOutput: new Inlet(errorOutput.reading, { mayBlock: false }),
    },
  }
}

function terminal({ modes, hasErrorOutput, ...size }: RemoteTerminal): Streams {
  const { master, terminal, path } = openPseudoTerminal()
  setModes(terminal, Uint8Array.fromHex(modes))
  resizeTerminal(master, size)
  const apart = hasErrorOutput ? undefined : newPipe()
  return {
    theirs: [terminal, terminal, apart?.writing ?? terminal],
    ours: {
      terminal: master,
      input: new Outlet(master, { mayBlock: false }),
      output: new Inlet(master, { mayBlock: false }),
      ...(apart === undefined ? {} : { errorOutput: new Inlet(apart.reading, { mayBlock: false }) }),
    },
    path,
  }
}

/** The environment of this session, with the variables of the caller, as `sshd` makes it. */
function environmentOf({ environment, folder }: RemoteCommand, terminal: string | undefined): string[] {
  const passed = new Map(environment.map((entry) => [entry.slice(0, entry.indexOf('=')), entry]))
  const kept = inheritedEnvironment().filter((entry) => !passed.has(entry.slice(0, entry.indexOf('='))))
  const all = [...kept, ...passed.values()]
  const others = all.filter((entry) => !/^(PWD|OLDPWD|SSH_TTY)=/.test(entry))
  const pwd = folder?.startsWith('/') === true ? folder : currentFolder()
  return withVariables(
    [...others, ...(pwd === null ? [] : [`PWD=${pwd}`])],
    terminal === undefined ? {} : { SSH_TTY: terminal },
  )
}
