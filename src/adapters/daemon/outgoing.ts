interface Sink {
  write(bytes: Uint8Array): number
}

/** The bytes that a socket has not accepted yet. */
export class Outgoing {
  readonly #socket: Sink
  #queued: Uint8Array[] = []
  /** Number of queued bytes. */
  length = 0

  constructor(socket: Sink) {
    this.#socket = socket
  }

  send(text: string): void {
    const bytes = Buffer.from(text)
    const written = this.length > 0 ? 0 : Math.max(0, this.#socket.write(bytes))
    if (written === bytes.length) return
    this.#queued.push(bytes.subarray(written))
    this.length += bytes.length - written
  }

  /** Must be called when the socket accepts bytes again. */
  flush(): void {
    for (let [first] = this.#queued; first !== undefined; [first] = this.#queued) {
      const written = Math.max(0, this.#socket.write(first))
      this.length -= written
      if (written < first.length) {
        this.#queued[0] = first.subarray(written)
        return
      }
      this.#queued.shift()
    }
  }
}
