import type { Millis } from '../../domain/pool/model.ts'
import { steadyNow } from '../kernel/clock.ts'
import { close } from '../kernel/libc/descriptors.ts'
import { kill, reap } from '../kernel/libc/process.ts'
import { pollAny } from '../kernel/poll.ts'
import type { Hosted } from './start-hosted.ts'

/** How long a command that has not started may take to give up. */
const GIVING_UP_MS: Millis = 5_000
const CHECK_EVERY_MS: Millis = 1_000

const SIGHUP = 1
const SIGKILL = 9
const SIGTERM = 15
/** The keys of a terminal, and its end, send these to all processes of a job. */
const SIGNALS_OF_TERMINALS: readonly number[] = [SIGHUP, 2, 3]
const FORWARDED: readonly number[] = [...SIGNALS_OF_TERMINALS, 10, 12, SIGTERM]

/** Sends the command a signal of its caller. */
export function signalHosted({ pid }: Hosted, signal: number): void {
  if (!FORWARDED.includes(signal)) return
  if (SIGNALS_OF_TERMINALS.includes(signal) && kill(-pid, signal) === 0) return
  kill(pid, signal)
}

/** The caller of a started command is gone: the command gets SIGHUP, as if its terminal was closed. */
export function hangUp(hosted: Hosted): void {
  signalHosted(hosted, SIGHUP)
  // Our exit closes a terminal, and the kernel does the rest.
  if (hosted.terminal === undefined) discardOutput(hosted)
}

/** A command that handles SIGHUP can write its last words, or work on. */
function discardOutput({ pid, pidfd, input, output, errorOutput }: Hosted): void {
  input.end()
  const inlets = [output, errorOutput].filter((inlet) => inlet !== undefined)
  while (reap(pid) === null) {
    const interests = inlets.map(({ fd, isOver }) => ({ fd, read: !isOver }))
    const ready = pollAny([{ fd: pidfd, read: true }, ...interests], CHECK_EVERY_MS)
    for (const inlet of inlets) if (ready?.get(inlet.fd)?.readable === true) inlet.read()
  }
}

/** The caller is gone before the start: a granted command reads the end of the gate, and returns its grant; a waiting one leaves the queue. */
export function leave({ gate, pid, pidfd }: Hosted, isGranted: boolean): void {
  close(gate.fd)
  if (!isGranted) kill(pid, SIGTERM)
  const until = steadyNow() + GIVING_UP_MS
  while (reap(pid) === null) {
    const left = until - steadyNow()
    if (left <= 0) return void kill(pid, SIGKILL)
    pollAny([{ fd: pidfd, read: true }], Math.min(left, CHECK_EVERY_MS))
  }
}
