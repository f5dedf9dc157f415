import type { Millis } from '../../domain/pool/model.ts'

type Read = (pid: number) => Promise<string | undefined>

/**
 * Reads command lines one after the other. A read that blocks keeps a thread of the runtime, which has few. So while one
 * has not ended, no other begins, and no command line is known.
 */
export class CommandLines {
  readonly #read: Read
  readonly #limit: Millis
  #isBlocked = false
  /** The end of the last read, or of its limit. */
  #last: Promise<unknown> = Promise.resolve()

  constructor(read: Read, limit: Millis) {
    this.#read = read
    this.#limit = limit
  }

  /** The arguments of a process; undefined if they cannot be read. */
  of(pid: number): Promise<readonly string[] | undefined> {
    const reading = this.#last.then(() => (this.#isBlocked ? undefined : this.#withinLimit(pid)))
    this.#last = reading
    return reading
  }

  async #withinLimit(pid: number): Promise<readonly string[] | undefined> {
    const limit = Promise.withResolvers<undefined>()
    const timer = setTimeout(() => {
      this.#isBlocked = true
      limit.resolve(undefined)
    }, this.#limit)
    const reading = this.#read(pid).finally(() => {
      clearTimeout(timer)
      this.#isBlocked = false
    })
    return (await Promise.race([reading, limit.promise]))?.split('\0')
  }
}
