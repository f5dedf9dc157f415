import type { End } from '../../domain/fleet/frames.ts'
import type { RemoteHost } from '../../domain/fleet/host-name.ts'
import type { Millis } from '../../domain/pool/model.ts'
import { steadyNow } from '../kernel/clock.ts'
import { close } from '../kernel/libc/descriptors.ts'
import { kill, reap } from '../kernel/libc/process.ts'
import { pollAny } from '../kernel/poll.ts'
import { endOf, newPipe, spawn } from '../kernel/spawn.ts'
import { inheritedEnvironment, toByteText } from '../process/environment.ts'
import { Inlet } from './inlet.ts'
import { Outlet } from './outlet.ts'
import { sshCommand } from './ssh-command.ts'

/** A running `ssh` with pipes for its streams. Without this process it ends by itself: its input is then at its end. */
export interface SshProcess {
  readonly pid: number
  readonly input: Outlet
  readonly output: Inlet
  readonly errorOutput: Inlet
  /** How it ended; null before. */
  readonly end: () => End | null
  /** Waits for its end: this process may become another program, which must not have a child that it does not know. */
  readonly kill: () => void
}

const SIGKILL = 9
const LONGEST_END_MS: Millis = 1_000
const CHECK_EVERY_MS: Millis = 1

/** A negated errno if `ssh` cannot be started. */
export function startSsh(host: RemoteHost, request: string, connectTimeout: Millis): SshProcess | number {
  const [input, output, errorOutput] = [newPipe(), newPipe(), newPipe()]
  const theirs = [input.reading, output.writing, errorOutput.writing]
  const pid = spawn({
    program: 'ssh',
    args: sshCommand(host, request, connectTimeout).map(toByteText),
    environment: inheritedEnvironment(),
    descriptors: theirs,
    ownGroup: true,
  })
  for (const fd of theirs) close(fd)
  if (pid < 0) return pid
  let ended: { readonly status: number } | null = null
  const end = (): End | null => {
    ended ??= reap(pid)
    return ended === null ? null : endOf(ended.status)
  }
  return {
    pid,
    input: new Outlet(input.writing, { mayBlock: false }),
    output: new Inlet(output.reading, { mayBlock: false }),
    errorOutput: new Inlet(errorOutput.reading, { mayBlock: false }),
    end,
    kill: () => {
      if (end() === null) kill(pid, SIGKILL)
      const until = steadyNow() + LONGEST_END_MS
      while (end() === null && steadyNow() < until) pollAny([], CHECK_EVERY_MS)
    },
  }
}
