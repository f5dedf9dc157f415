import type { Waker } from './app/wait-in-line.ts'
import type { LineCalls, Store } from './domain/ports.ts'

/** What ends a wait from outside; each is left alone where it was ignored when we were started. */
const SIGNALS = { SIGINT: 2, SIGTERM: 15, SIGHUP: 1 } as const

const LONGEST_TIMER_MS = 2 ** 31 - 1

export interface OpenWaker extends Waker {
  close(): void
}

export interface WakerOptions {
  /** Bit n - 1 is set for each signal n that is not ours to handle. */
  readonly ignored: bigint
  /** The queue entry whose turn is waited for; without one every change of the pool wakes. */
  readonly entry?: string
}

/**
 * Wakes by the store's calls and by signals. A second Ctrl-C acts as if nobody handled it, so that a wait for
 * a hanging driver can be broken off.
 */
export function openWaker(store: Store, { ignored, entry }: WakerOptions): OpenWaker {
  const news = { turn: false, change: false, interrupted: false }
  let wake = () => {}
  const tell = (what: keyof typeof news) => {
    news[what] = true
    wake()
  }
  const unhook = onSignals(ignored, () => tell('interrupted'))
  const calls = entry === undefined ? changeCalls(store) : store.lineCalls(entry)
  const listened = listen(calls, tell)
  return {
    isInterrupted: () => news.interrupted,
    listen: () => calls.listen(),
    async wait(ms) {
      if (!news.turn && !news.change && !news.interrupted) {
        const { promise, resolve } = Promise.withResolvers<void>()
        const timer = Number.isFinite(ms) ? setTimeout(resolve, Math.min(ms, LONGEST_TIMER_MS)) : undefined
        wake = resolve
        await Promise.race([promise, listened])
        clearTimeout(timer)
      }
      if (news.interrupted) return 'interrupted'
      const event = news.turn ? 'called' : news.change ? 'changed' : 'timeout'
      news.turn = false
      news.change = false
      return event
    },
    close() {
      calls.close()
      // Who was told to stop is about to end, and a hang-up that comes again must not spoil its exit status.
      if (!news.interrupted) unhook()
    },
  }
}

async function listen(calls: LineCalls, tell: (what: 'turn' | 'change') => void): Promise<void> {
  for (let call = await calls.next(); call !== 'closed'; call = await calls.next()) tell(call)
}

/** Every change of the pool, as calls. */
function changeCalls(store: Store): LineCalls {
  const stopped = new AbortController()
  const changes = store.changes(stopped.signal)[Symbol.asyncIterator]()
  return {
    listen: () => {},
    next: async () => ((await changes.next()).done ? 'closed' : 'change'),
    close: () => stopped.abort(),
  }
}

/**
 * Calls back at the first signal. A second SIGINT or SIGTERM then acts as if nobody handled it; a hang-up does
 * not, for it comes twice, from the terminal and from its shell.
 */
function onSignals(ignored: bigint, callback: () => void): () => void {
  const names = Object.keys(SIGNALS) as (keyof typeof SIGNALS)[]
  const handled = names.filter((signal) => ((ignored >> BigInt(SIGNALS[signal] - 1)) & 1n) === 0n)
  const unhook = (signals: readonly (keyof typeof SIGNALS)[]) => {
    for (const signal of signals) process.off(signal, onSignal)
  }
  const onSignal = () => {
    unhook(['SIGINT', 'SIGTERM'])
    callback()
  }
  for (const signal of handled) process.on(signal, onSignal)
  return () => unhook(handled)
}
