import { INPUT_WINDOW } from '../../domain/fleet/frames.ts'
import type { Outlet } from './outlet.ts'

/** A caller is told of room in pieces of this size. */
const LEAST_CREDIT = INPUT_WINDOW / 4

/** The input of a hosted command. The caller may send only as much as the command has read, and one window more. */
export class HostedInput {
  readonly #outlet: Outlet
  /** What the caller may send. */
  #window = INPUT_WINDOW

  constructor(outlet: Outlet) {
    this.#outlet = outlet
  }

  /** Throws if the caller may not send so much. */
  push(content: Uint8Array<ArrayBuffer>): void {
    if (content.length > this.#window) throw new Error('the caller sent more input than it may')
    this.#window -= content.length
    this.#outlet.push(content)
  }

  /** How much more the caller may send from now on; 0 if it is not worth a message. */
  allowMore(): number {
    const free = INPUT_WINDOW - this.#window - this.#outlet.size
    if (free < LEAST_CREDIT) return 0
    this.#window += free
    return free
  }
}
