import { utf8Text } from '../kernel/libc.ts'

const NEWLINE = 10

/** Splits a stream of bytes into lines. */
export class Lines {
  readonly #longest: number
  #pending: Uint8Array[] = []
  #length = 0

  /** `longest`: the maximum bytes of a line. */
  constructor(longest: number) {
    this.#longest = longest
  }

  /** The lines that these bytes complete; null if a line is too long. */
  push(bytes: Uint8Array): readonly string[] | null {
    const lines: string[] = []
    let rest = bytes
    for (let end = rest.indexOf(NEWLINE); end >= 0; end = rest.indexOf(NEWLINE)) {
      if (this.#length + end > this.#longest) return null
      lines.push(this.#line(rest.subarray(0, end)))
      rest = rest.subarray(end + 1)
    }
    if (this.#length + rest.length > this.#longest) return null
    if (rest.length > 0) {
      // The buffer belongs to the runtime, which uses it again.
      this.#pending.push(rest.slice())
      this.#length += rest.length
    }
    return lines
  }

  /** Whether the bytes so far end in the middle of a line. */
  get isPartial(): boolean {
    return this.#length > 0
  }

  #line(last: Uint8Array): string {
    if (this.#pending.length === 0) return utf8Text(last)
    const line = Buffer.concat([...this.#pending, last]).toString('utf8')
    this.#pending = []
    this.#length = 0
    return line
  }
}
