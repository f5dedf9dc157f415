import { setDisposition } from '../adapters/kernel/libc/programs.ts'
import { terminalCheck } from '../adapters/process/lost-terminal.ts'
import { interrupted } from '../app/waiting/wait-errors.ts'
import type { Waker } from '../app/waiting/waiting.ts'
import { LONGEST_TIMER_MS } from '../domain/longest-timer.ts'
import type { Calls, Wakeups } from '../ports/wakeups.ts'

/** Signals that end a wait; a signal that was ignored at the start of this process stays ignored. */
const SIGNALS = { SIGINT: 2, SIGTERM: 15, SIGHUP: 1 } as const

type SignalName = keyof typeof SIGNALS
const NAMES = Object.keys(SIGNALS) as SignalName[]

export interface OpenWaker extends Waker {
  close(): void
}

export interface WakerOptions {
  /** Bit n - 1 is set for each signal n that this process must not handle. */
  readonly ignored: bigint
  /** Whether a command replaces this process after the wait; it must get the signals that come then. */
  readonly commandFollows: boolean
  /** Whether this process has handled a signal that ends a wait before. */
  readonly wasSignalled?: (() => boolean) | undefined
}

/**
 * Wakes on calls and on signals. A lost terminal counts as a signal unless SIGHUP is ignored. A second Ctrl-C has its
 * default effect, so that the user can end a program that hangs.
 */
export function openWaker(calls: Calls, { ignored, commandFollows, wasSignalled }: WakerOptions): OpenWaker {
  const pending = { turn: false, change: false }
  const interruption = new AbortController()
  const { signal } = interruption
  let wake = () => {}
  const note = (what: keyof typeof pending) => {
    pending[what] = true
    wake()
  }
  const interrupt = () => {
    interruption.abort(interrupted())
    wake()
  }
  const handled = NAMES.filter((signal) => ((ignored >> BigInt(SIGNALS[signal] - 1)) & 1n) === 0n)
  onSignals(handled, interrupt)
  if (wasSignalled?.() === true) interrupt()
  const isTerminalGone = handled.includes('SIGHUP') ? terminalCheck() : () => false
  const listened = listen(calls, note)
  return {
    listen: () => calls.listen(),
    async wait(ms) {
      if (!pending.turn && !pending.change && !signal.aborted) {
        const { promise, resolve } = Promise.withResolvers<void>()
        const timer = Number.isFinite(ms) ? setTimeout(resolve, Math.min(ms, LONGEST_TIMER_MS)) : undefined
        wake = resolve
        await Promise.race([promise, listened])
        clearTimeout(timer)
      }
      if (isTerminalGone()) interrupt()
      if (signal.aborted) return 'interrupted'
      const event = pending.turn ? 'called' : pending.change ? 'changed' : 'timeout'
      pending.turn = false
      pending.change = false
      return event
    },
    interruption: signal,
    async wasInterrupted() {
      // From now on a signal ends the command of a run. A manual reservation is already made: its output must not be lost.
      setDispositions(handled, commandFollows && !signal.aborted ? 'default' : 'ignore')
      // The runtime delivers earlier signals once per iteration of its event loop, so this waits for a whole iteration.
      await Bun.sleep(1)
      await new Promise(setImmediate)
      if (signal.aborted) setDispositions(handled, 'ignore')
      return signal.aborted
    },
    close: () => calls.close(),
  }
}

function setDispositions(signals: readonly SignalName[], disposition: 'default' | 'ignore'): void {
  for (const signal of signals) setDisposition(SIGNALS[signal], disposition)
}

async function listen(calls: Calls, note: (what: 'turn' | 'change') => void): Promise<void> {
  for (let call = await calls.next(); call !== 'closed'; call = await calls.next()) note(call)
}

/** Converts every change of the pool to a call. */
export function changeCalls(wakeups: Pick<Wakeups, 'changes'>): Calls {
  const stopped = new AbortController()
  const changes = wakeups.changes(stopped.signal)[Symbol.asyncIterator]()
  return {
    listen: () => {},
    next: async () => ((await changes.next()).done ? 'closed' : 'change'),
    close: () => stopped.abort(),
  }
}

/**
 * Calls back at the first signal. A second SIGINT or SIGTERM then has its default effect. A second SIGHUP does not: the
 * terminal and its shell both send one, and the second must not change the exit status.
 */
function onSignals(handled: readonly SignalName[], callback: () => void): void {
  const onSignal = () => {
    process.off('SIGINT', onSignal).off('SIGTERM', onSignal)
    callback()
  }
  for (const signal of handled) process.on(signal, onSignal)
}
