import { close, F_SETFL, fcntl, O_NONBLOCK, write } from '../kernel/libc/descriptors.ts'
import { EAGAIN, EINTR } from '../kernel/libc/errno.ts'

/** What may be written to a pipe of another program without blocking, if poll(2) reports room (PIPE_BUF). */
const CERTAIN_BYTES = 4096

type Bytes = Uint8Array<ArrayBuffer>

/** Bytes on their way to a descriptor, in order. */
export class Outlet {
  readonly fd: number
  readonly #mayBlock: boolean
  #waiting: Bytes[] = []
  #size = 0
  #isEnding = false
  /** Why nothing more can be written: an errno, EPIPE if the other end is closed. 0: it can. Then bytes are dropped. */
  errno = 0
  isClosed = false

  /** `mayBlock`: the descriptor is shared with other programs, so it cannot be made non-blocking. */
  constructor(fd: number, { mayBlock }: { readonly mayBlock: boolean }) {
    this.fd = fd
    this.#mayBlock = mayBlock
    if (!mayBlock) fcntl(fd, F_SETFL, O_NONBLOCK)
  }

  get size(): number {
    return this.#size
  }

  get isBroken(): boolean {
    return this.errno !== 0
  }

  push(bytes: Bytes): void {
    if (this.isBroken || this.isClosed || this.#isEnding || bytes.length === 0) return
    this.#waiting.push(bytes)
    this.#size += bytes.length
  }

  /** Closes the descriptor after the last byte. */
  end(): void {
    this.#isEnding = true
    this.#closeIfDone()
  }

  /** Writes what the descriptor takes without blocking; poll(2) has reported room. */
  write(): void {
    while (this.#waiting.length > 0 && !this.isBroken) {
      const [first = new Uint8Array()] = this.#waiting
      const written = write(this.fd, this.#mayBlock ? first.subarray(0, CERTAIN_BYTES) : first)
      if (written === -EINTR) continue
      if (written === -EAGAIN) return
      if (written < 0) this.#break(-written)
      else this.#advance(first, written)
      if (this.#mayBlock) break
    }
    this.#closeIfDone()
  }

  #advance(first: Bytes, written: number): void {
    this.#size -= written
    if (written === first.length) this.#waiting.shift()
    else this.#waiting[0] = first.subarray(written)
  }

  #break(errno: number): void {
    this.errno = errno
    this.#waiting = []
    this.#size = 0
  }

  #closeIfDone(): void {
    if (!this.#isEnding || this.#size > 0 || this.isClosed) return
    this.isClosed = true
    close(this.fd)
  }
}
