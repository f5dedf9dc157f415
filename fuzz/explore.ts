import type { Parser } from './parser.ts'

export interface Task {
  readonly parser: string
  readonly seed: number
  readonly seconds: number
  /** An input that takes longer is a flaw. A busy machine needs a larger value. */
  readonly slowMs: number
  /** The number of the current input, shared with the worker: one 32-bit integer. */
  readonly progress: SharedArrayBuffer
}

export interface Finding {
  readonly flaw: string
  readonly seed: number
  readonly at: number
  /** Shortened if possible. */
  readonly input: string
}

export interface Report {
  readonly executions: number
  readonly findings: readonly Finding[]
}

export interface Exploration {
  readonly seed: number
  readonly seconds: number
  readonly slowMs?: number
}

/** No input may take this long, however busy the machine is. */
const STUCK_MS = 40_000

/**
 * Tries all stored inputs, which have negative numbers, and then new ones for the given seconds. The parser runs in its
 * own thread, so that an input that never finishes is found too. Such an input ends the run.
 */
export async function explore(parser: Parser, exploration: Exploration): Promise<Report> {
  const { seed, seconds, slowMs = Number.POSITIVE_INFINITY } = exploration
  const progress = new SharedArrayBuffer(4)
  const worker = new Worker(new URL('worker.ts', import.meta.url).href)
  const { promise, resolve, reject } = Promise.withResolvers<Report>()
  worker.onmessage = (event: MessageEvent<Report>) => resolve(event.data)
  worker.onerror = (event) => reject(new Error(event.message))
  const watchdog = setInterval(
    watch(new Int32Array(progress), (at) => resolve(stuck(parser, seed, at))),
    1_000,
  )
  try {
    worker.postMessage({ parser: parser.name, seed, seconds, slowMs, progress } satisfies Task)
    return await promise
  } finally {
    clearInterval(watchdog)
    worker.terminate()
  }
}

function watch(progress: Int32Array, whenStuck: (at: number) => void): () => void {
  let last = Number.NaN
  let since = performance.now()
  return () => {
    const at = Atomics.load(progress, 0)
    const now = performance.now()
    if (at === last && now - since > STUCK_MS) whenStuck(at)
    if (at !== last) since = now
    last = at
  }
}

function stuck(parser: Parser, seed: number, at: number): Report {
  const flaw = `Stuck: no result after ${STUCK_MS / 1_000} s`
  return {
    executions: at,
    findings: [{ flaw, seed, at, input: `input ${at} of seed ${seed} of ${parser.name}` }],
  }
}
