import { close, F_SETFL, fcntl, O_NONBLOCK, readInto } from '../kernel/libc/descriptors.ts'
import { EAGAIN, EINTR } from '../kernel/libc/errno.ts'

const CHUNK_BYTES = 65536

/** Bytes that were read; `later` if there are none now; `over` at the end. */
export type Arrived = Uint8Array<ArrayBuffer> | 'later' | 'over'

/** A descriptor that is read as long as it is open. */
export class Inlet {
  readonly fd: number
  readonly #buffer = new Uint8Array(CHUNK_BYTES)
  isOver = false

  constructor(fd: number, { mayBlock }: { readonly mayBlock: boolean }) {
    this.fd = fd
    if (!mayBlock) fcntl(fd, F_SETFL, O_NONBLOCK)
  }

  close(): void {
    if (!this.isOver) close(this.fd)
    this.isOver = true
  }

  /** Reads once, at most `most` bytes; poll(2) has reported something. A terminal without other end fails, which is its end. */
  read(most = CHUNK_BYTES): Arrived {
    const length = readInto(this.fd, this.#buffer.subarray(0, most))
    if (length > 0) return this.#buffer.slice(0, length)
    if (length === -EAGAIN || length === -EINTR) return 'later'
    this.isOver = true
    return 'over'
  }
}
