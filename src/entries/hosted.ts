import * as libc from '../adapters/kernel/libc.ts'
import type { RemoteCaller } from '../cli/context.ts'
import { commandLineMain } from './command-line.ts'

const SIGHUP = 1

/**
 * `canhazgpu __hosted <gate> COMMAND …`: a command line for a caller on another host. It differs from a typed one only in
 * this: it has its own session; it gets SIGHUP if the process that serves its caller ends; and before it keeps granted
 * GPUs, it asks through the gate whether the caller still waits.
 */
export async function hostedMain(args: readonly string[], wantsForecast: boolean): Promise<number> {
  const [gate, ...commandLine] = args
  const server = libc.parentPid()
  libc.setParentDeathSignal(SIGHUP)
  if (libc.parentPid() !== server || server === 1) return 1
  libc.newSession()
  if (libc.isTerminal(0)) libc.ioctl(0, libc.TIOCSCTTY, new Uint8Array(8))
  return commandLineMain(commandLine, null, { ...remoteCaller(Number(gate)), wantsForecast })
}

/** The caller behind this socket, who wants the command to run. */
export function remoteCaller(gate: number): RemoteCaller {
  libc.fcntl(gate, libc.F_SETFD, libc.FD_CLOEXEC)
  return {
    gate,
    wantsForecast: false,
    agrees: () => libc.write(gate, libc.utf8('\n')) === 1 && libc.readInto(gate, new Uint8Array(1)) === 1,
  }
}
