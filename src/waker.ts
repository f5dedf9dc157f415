import type { Waker } from './app/wait-in-line.ts'
import type { Store } from './domain/ports.ts'

/** What ends a wait from outside; each is left alone where it was ignored when we were started. */
const SIGNALS = { SIGINT: 2, SIGTERM: 15, SIGHUP: 1 } as const

export interface OpenWaker extends Waker {
  close(): void
}

/**
 * Wakes by the store's changes and by signals; `ignored` has bit n - 1 set for each signal n that is not ours. A second signal acts as if nobody handled it, so that a wait
 * for a hanging driver can be broken off.
 */
export function openWaker(store: Store, ignored: bigint): OpenWaker {
  let changed = false
  let interrupted = false
  let wake = () => {}
  const onSignal = () => {
    interrupted = true
    unhook()
    wake()
  }
  const names = Object.keys(SIGNALS) as (keyof typeof SIGNALS)[]
  const handled = names.filter((signal) => ((ignored >> BigInt(SIGNALS[signal] - 1)) & 1n) === 0n)
  const unhook = () => {
    for (const signal of handled) process.off(signal, onSignal)
  }
  for (const signal of handled) process.on(signal, onSignal)

  const watching = new AbortController()
  const watch = async () => {
    for await (const _ of store.changes(watching.signal)) {
      changed = true
      wake()
    }
  }
  const watched = watch()

  return {
    isInterrupted: () => interrupted,
    async wait(ms) {
      if (!changed && !interrupted) {
        const { promise, resolve } = Promise.withResolvers<void>()
        const timer = Number.isFinite(ms) ? setTimeout(resolve, Math.min(ms, LONGEST_TIMER_MS)) : undefined
        wake = resolve
        await Promise.race([promise, watched])
        clearTimeout(timer)
      }
      if (interrupted) return 'interrupted'
      if (!changed) return 'timeout'
      changed = false
      return 'changed'
    },
    close() {
      watching.abort()
      unhook()
    },
  }
}

const LONGEST_TIMER_MS = 2 ** 31 - 1
