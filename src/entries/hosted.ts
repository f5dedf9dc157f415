import { F_SETFD, FD_CLOEXEC, fcntl, readInto, write } from '../adapters/kernel/libc/descriptors.ts'
import { utf8 } from '../adapters/kernel/libc/memory.ts'
import { parentPid } from '../adapters/kernel/libc/process.ts'
import { newSession, setParentDeathSignal } from '../adapters/kernel/libc/programs.ts'
import { ioctl, isTerminal, TIOCSCTTY } from '../adapters/kernel/libc/terminals.ts'
import type { RemoteCaller } from '../cli/context.ts'
import { commandLineMain } from './command-line.ts'

const SIGHUP = 1
/** What a terminal, a caller that is gone, and the process that serves it send: these end a wait. */
const ENDING_A_WAIT = ['SIGHUP', 'SIGINT', 'SIGTERM'] as const
/** The others that a caller can send. Without a handler they would end this process at once. */
const OTHERS = ['SIGQUIT', 'SIGUSR1', 'SIGUSR2'] as const

/**
 * `canhazgpu __hosted <gate> COMMAND …`: a command line for a caller on another host. It differs from a typed one only in
 * this: it has its own session; it gets SIGHUP if the process that serves its caller ends; and before it keeps granted
 * GPUs, it asks through the gate whether the caller still waits.
 */
export async function hostedMain(args: readonly string[], wantsForecast: boolean): Promise<number> {
  const [gate, ...commandLine] = args
  const server = parentPid()
  setParentDeathSignal(SIGHUP)
  if (parentPid() !== server || server === 1) return 1
  newSession()
  if (isTerminal(0)) ioctl(0, TIOCSCTTY, new Uint8Array(8))
  const caller = remoteCaller(Number(gate), commandLine[0])
  return commandLineMain(commandLine, null, { ...caller, wantsForecast })
}

/**
 * Whether the caller agrees, and no signal has come. A reservation outlives this process: a signal that ended it between
 * the grant and the answer of the caller would leave GPUs reserved for nobody.
 */
function unlessSignalled(
  agrees: RemoteCaller['agrees'],
): Required<Pick<RemoteCaller, 'agrees' | 'wasSignalled'>> {
  let isSignalled = false
  const note = () => {
    isSignalled = true
  }
  for (const signal of ENDING_A_WAIT) process.on(signal, note)
  for (const signal of OTHERS) {
    process.on(signal, () => {
      note()
      process.kill(process.pid, 'SIGTERM')
    })
  }
  return {
    wasSignalled: () => isSignalled,
    agrees: async () => {
      // The runtime delivers signals once per iteration of its event loop, so this waits for a whole iteration.
      await Bun.sleep(1)
      await new Promise(setImmediate)
      return !isSignalled && (await agrees())
    },
  }
}

/** The caller behind this socket, who wants the command to run. */
export function remoteCaller(gate: number, command: string | undefined): RemoteCaller {
  fcntl(gate, F_SETFD, FD_CLOEXEC)
  const agrees = () => write(gate, utf8('\n')) === 1 && readInto(gate, new Uint8Array(1)) === 1
  return {
    ...{ gate, wantsForecast: false },
    ...(command === 'reserve' ? unlessSignalled(agrees) : { agrees }),
  }
}
