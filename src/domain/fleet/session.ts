/** What the connection of a caller is like. */
export interface CallerSigns {
  /** It has ended. */
  readonly isOver: boolean
  /** Nothing has come for so long that the caller is taken for gone. */
  readonly isSilent: boolean
}

/**
 * What the host does about its caller. `give-up`: the caller is silent. `leave`: the connection has ended before the
 * command could start. `hang-up`: it has ended after that. `remind`: it serves on, and finds out whether the connection
 * is cut.
 */
export type ServingStep = 'serve' | 'remind' | 'give-up' | 'leave' | 'hang-up'

/** The host's side of a session: whether its command may start, and for how long it serves the caller. */
export class HostSide {
  #isGranted = false
  #isStarted = false

  /** Whether the command has its GPUs, and has asked whether the caller still wants them. */
  get isGranted(): boolean {
    return this.#isGranted
  }

  /** Whether the caller has agreed. */
  get isStarted(): boolean {
    return this.#isStarted
  }

  granted(): void {
    this.#isGranted = true
  }

  /** The caller wants the GPUs. True if the command may start now. */
  agreed(): boolean {
    if (!this.#isGranted || this.#isStarted) return false
    this.#isStarted = true
    return true
  }

  step({ isOver, isSilent }: CallerSigns): ServingStep {
    if (isOver) return this.#isStarted ? 'hang-up' : 'leave'
    if (!isSilent) return 'serve'
    return this.#isStarted ? 'remind' : 'give-up'
  }
}
