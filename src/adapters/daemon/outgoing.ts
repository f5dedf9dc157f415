import { utf8 } from '../kernel/libc/memory.ts'

interface Sink {
  write(bytes: Uint8Array): number
}

/** The memory that a queued message needs besides its bytes. */
const MESSAGE_OVERHEAD = 256

/** The bytes that a socket has not accepted yet. */
export class Outgoing {
  readonly #socket: Sink
  readonly #resized: (by: number) => void
  #queued: Uint8Array[] = []
  #next = 0
  /** Memory of the queued messages. */
  size = 0

  /** `resized` is told each change of `size`. */
  constructor(socket: Sink, resized: (by: number) => void = () => {}) {
    this.#socket = socket
    this.#resized = resized
  }

  send(text: string): void {
    const bytes = utf8(text)
    const written = this.size > 0 ? 0 : this.#write(bytes)
    if (written === bytes.length) return
    this.#queued.push(bytes.subarray(written))
    this.#resize(bytes.length - written + MESSAGE_OVERHEAD)
  }

  /** Must be called when the socket accepts bytes again. */
  flush(): void {
    for (let first = this.#queued[this.#next]; first !== undefined; first = this.#queued[this.#next]) {
      const written = this.#write(first)
      if (written < first.length) {
        this.#queued[this.#next] = first.subarray(written)
        this.#resize(-written)
        return
      }
      this.#next++
      this.#resize(-(written + MESSAGE_OVERHEAD))
    }
    this.clear()
  }

  clear(): void {
    this.#queued = []
    this.#next = 0
    this.#resize(-this.size)
  }

  #write(bytes: Uint8Array): number {
    return Math.max(0, this.#socket.write(bytes))
  }

  #resize(by: number): void {
    this.size += by
    if (by !== 0) this.#resized(by)
  }
}
