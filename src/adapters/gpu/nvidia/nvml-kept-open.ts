import { CanhazgpuError } from '../../../domain/errors.ts'
import type { Millis, Probe } from '../../../domain/pool/model.ts'
import type { GpuProvider } from '../../../ports/driver.ts'
import { selfCommand } from '../../process/self.ts'
import { driverFailed } from '../driver-errors.ts'
import type { Environment } from '../run-program.ts'
import { countLeftBehind } from './left-behind.ts'
import { libraryOf, probeWithin } from './nvml.ts'
import type { NvmlAnswer } from './nvml-answer.ts'
import { KeptChild } from './nvml-kept-child.ts'

/**
 * How many killed children may still exist. A child that hangs inside the kernel exits only when its call returns.
 * Another child is started meanwhile, because the driver may hang for the first one only.
 */
const MAX_LEAVING = 2

/** A child with a faulty GPU is replaced after this many answers: the GPU may have been reset since NVML was opened. */
const ANSWERS_WITH_A_FAULT = 10

/** `nvmlProvider` for a process that probes often, see `KeptOpenNvml`. */
export const keptOpenNvmlProvider = (env: Environment, leftBehind = countLeftBehind): KeptOpenNvml =>
  new KeptOpenNvml(() => new KeptChild(selfCommand(['__probes', 'nvml', libraryOf(env)]), env), leftBehind)

/**
 * The NVIDIA driver through one child that keeps NVML open and answers one probe after the other.
 *
 * A child that fails or reports a fault is replaced, and the answer of the new child counts. A child that misses the
 * deadline is killed, and its exit is not awaited. While `MAX_LEAVING` killed children have not exited, a probe fails
 * at once with `driver-unresponsive`. Those of earlier processes count too, so that restarts gather no children.
 */
export class KeptOpenNvml implements GpuProvider {
  readonly #start: () => KeptChild
  readonly #countLeftBehind: () => number
  #isProbing = false
  #isClosed = false
  #child: KeptChild | undefined
  /** The children that were killed and have not exited. */
  readonly #leaving = new Set<KeptChild>()

  constructor(start: () => KeptChild, countLeftBehind = () => 0) {
    this.#start = start
    this.#countLeftBehind = countLeftBehind
  }

  /** One probe at a time. */
  async probe(deadlineMs: Millis): Promise<Probe> {
    if (this.#isProbing) throw new Error('this driver is already probed')
    this.#isProbing = true
    try {
      return await probeWithin(deadlineMs, (signal) => this.#ask(signal))
    } finally {
      this.#isProbing = false
    }
  }

  /** Ends the child. A later probe fails. */
  close(): void {
    this.#isClosed = true
    if (this.#child !== undefined) this.#dismiss(this.#child)
  }

  async #ask(signal: AbortSignal): Promise<NvmlAnswer> {
    const kept = this.#child
    if (kept !== undefined) {
      const answer = await this.#askWithin(signal, kept).catch(unlessFailed)
      // After the deadline, the next probe may already have another child.
      signal.throwIfAborted()
      if (answer !== undefined && !this.#isOutdated(answer, kept)) return answer
      this.#dismiss(kept)
      if (answer !== undefined && this.#leaving.size >= MAX_LEAVING) return answer
    }
    const fresh = this.#startAnother()
    const answer = await this.#askWithin(signal, fresh)
    if (answer.kind !== 'gpus') this.#dismiss(fresh)
    return answer
  }

  async #askWithin(signal: AbortSignal, child: KeptChild): Promise<NvmlAnswer> {
    const giveUp = () => this.#dismiss(child)
    signal.addEventListener('abort', giveUp, { once: true })
    const answer = await child.ask()
    signal.removeEventListener('abort', giveUp)
    return answer
  }

  /** Whether NVML must be opened again, because the answer may be out of date. */
  #isOutdated(answer: NvmlAnswer, { answers }: KeptChild): boolean {
    if (answer.kind !== 'gpus') return true
    const hasFault = answer.gpus.length === 0 || answer.gpus.some(({ state }) => state.kind === 'fault')
    return hasFault && answers >= ANSWERS_WITH_A_FAULT && this.#leaving.size === 0
  }

  #startAnother(): KeptChild {
    if (this.#isClosed) throw driverFailed('NVML', 'closed')
    const leaving = this.#leaving.size + this.#countLeftBehind()
    if (leaving >= MAX_LEAVING) {
      throw new CanhazgpuError(
        'driver-unresponsive',
        `The NVIDIA driver (NVML) does not answer: ${leaving} processes that asked it have not ended`,
        { hint: 'Ask the administrator to check the driver (dmesg).' },
      )
    }
    this.#child = this.#start()
    return this.#child
  }

  #dismiss(child: KeptChild): void {
    if (this.#child === child) this.#child = undefined
    if (child.hasEnded) return
    this.#leaving.add(child)
    void child.end().then(() => this.#leaving.delete(child))
  }
}

/** Undefined if the child failed: NVML may work again in a new one. */
function unlessFailed(error: unknown): undefined {
  if (!(error instanceof CanhazgpuError)) throw error
}
