import { utf8Text } from '../kernel/libc/memory.ts'

const NEWLINE = 10
const NONE = new Uint8Array(0)

/** Splits a stream of bytes into lines. */
export class Lines {
  readonly #longest: number
  /** The begin of a line, in a larger buffer, so that bytes one by one take no more memory than the line. */
  #buffer = NONE
  #length = 0

  /** `longest`: the maximum bytes of a line. */
  constructor(longest: number) {
    this.#longest = longest
  }

  /** Calls `take` with each line that these bytes complete, until it returns false. Returns false if a line is too long. */
  push(bytes: Uint8Array, take: (line: string) => boolean): boolean {
    let start = 0
    for (let end = bytes.indexOf(NEWLINE); end >= 0; end = bytes.indexOf(NEWLINE, start)) {
      if (this.#length + end - start > this.#longest) return false
      const isMoreWanted = take(this.#line(bytes.subarray(start, end)))
      if (!isMoreWanted) return true
      start = end + 1
    }
    if (this.#length + bytes.length - start > this.#longest) return false
    this.#keep(bytes.subarray(start))
    return true
  }

  /** The bytes of the line that is not complete. */
  get partial(): number {
    return this.#length
  }

  #line(last: Uint8Array): string {
    if (this.#length === 0) return utf8Text(last)
    this.#keep(last)
    const line = utf8Text(this.#buffer.subarray(0, this.#length))
    this.#buffer = NONE
    this.#length = 0
    return line
  }

  /** Copies the bytes, because their memory belongs to the runtime, which uses it again. */
  #keep(bytes: Uint8Array): void {
    const length = this.#length + bytes.length
    if (length > this.#buffer.length) {
      const larger = new Uint8Array(Math.max(length, 2 * this.#buffer.length))
      larger.set(this.#buffer.subarray(0, this.#length))
      this.#buffer = larger
    }
    this.#buffer.set(bytes, this.#length)
    this.#length = length
  }
}
