import * as libc from '../kernel/libc.ts'

const POLL_OUT = 4

/**
 * Writes text whole and in order before it returns. Nobody reading any more (EPIPE) is no error of ours:
 * the reader has seen enough.
 */
export function writeText(fd: 1 | 2, text: string): void {
  let rest = new Uint8Array(Buffer.from(text))
  while (rest.length > 0) {
    const written = libc.write(fd, rest)
    if (written >= 0) rest = rest.subarray(written)
    else if (written === -libc.EAGAIN) isWritable(fd, FOREVER)
    else if (written !== -libc.EINTR) return
  }
}

export const isTerminal = (fd: 0 | 1 | 2): boolean => libc.isTerminal(fd)

const FOREVER = -1

/** Whether a write would not block, now or within the time. */
export function isWritable(fd: number, timeoutMs: number): boolean {
  const polled = new Uint8Array(8)
  const view = new DataView(polled.buffer)
  view.setInt32(0, fd, true)
  view.setInt16(4, POLL_OUT, true)
  return libc.poll(polled, 1, timeoutMs) > 0 && (view.getInt16(6, true) & POLL_OUT) !== 0
}
