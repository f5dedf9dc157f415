/** Signals that the command on the host gets: a signal that was ignored at our start stays ignored. */
const FORWARDED = { SIGHUP: 1, SIGINT: 2, SIGQUIT: 3, SIGUSR1: 10, SIGUSR2: 12, SIGTERM: 15 } as const
const ENDING: readonly number[] = [FORWARDED.SIGHUP, FORWARDED.SIGINT, FORWARDED.SIGQUIT, FORWARDED.SIGTERM]

/** Whether a process without a handler for the signal ends by it, as a person or the system asks. */
export const isEnding = (signal: number): boolean => ENDING.includes(signal)

/** During a steady flow of data, signals are looked for after this many steps. */
const TURN_EVERY = 16

/** The signals of this process, which a blocking loop forwards. */
export class CallerSignals {
  readonly #handlers: (readonly [NodeJS.Signals, () => void])[] = []
  #arrived: number[] = []
  #isResized = false
  #isContinued = false
  #mayHaveArrived = false
  #iterations = 0
  #ending = 0

  constructor(ignored: bigint) {
    for (const [name, number] of Object.entries(FORWARDED) as [keyof typeof FORWARDED, number][]) {
      if (((ignored >> BigInt(number - 1)) & 1n) === 0n) this.#on(name, () => this.add(number))
    }
    this.#on('SIGWINCH', () => {
      this.#isResized = true
    })
    this.#on('SIGCONT', () => {
      this.#isContinued = true
    })
  }

  /** Whether a second signal asked this process to end. */
  get isRepeated(): boolean {
    return this.#ending > 1
  }

  add(signal: number): void {
    this.#arrived.push(signal)
    if (isEnding(signal)) this.#ending++
  }

  /** A call of poll(2) was interrupted, or had nothing to report. */
  note(): void {
    this.#mayHaveArrived = true
  }

  /** Lets the runtime call the handlers: it delivers signals once in each iteration of its event loop. */
  async turn(): Promise<void> {
    if (!this.#mayHaveArrived && ++this.#iterations % TURN_EVERY !== 0) return
    this.#mayHaveArrived = false
    await Bun.sleep(0)
    await new Promise(setImmediate)
  }

  take(): {
    readonly signals: readonly number[]
    readonly isResized: boolean
    readonly isContinued: boolean
  } {
    const taken = { signals: this.#arrived, isResized: this.#isResized, isContinued: this.#isContinued }
    this.#arrived = []
    this.#isResized = false
    this.#isContinued = false
    return taken
  }

  close(): void {
    for (const [name, handler] of this.#handlers) process.off(name, handler)
  }

  #on(name: NodeJS.Signals, handler: () => void): void {
    this.#handlers.push([name, handler])
    process.on(name, handler)
  }
}
