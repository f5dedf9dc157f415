/** The events in order: always as a hash, and as text if it is wanted. */
export class Trace {
  readonly lines: string[] = []
  readonly #wanted: boolean
  #hash = 0x811c9dc5

  constructor(wanted: boolean) {
    this.#wanted = wanted
  }

  get hash(): string {
    return (this.#hash >>> 0).toString(16).padStart(8, '0')
  }

  fold(number: number): void {
    this.#hash = Math.imul(this.#hash ^ number, 0x01000193) ^ (this.#hash >>> 15)
  }

  add(at: number, text: () => string): void {
    if (this.#wanted) this.lines.push(`${stamp(at)} ${text()}`)
  }
}

function stamp(at: number): string {
  return `${(at / 1000).toFixed(3).padStart(9)}s`
}
