import { poll, write } from '../kernel/libc/descriptors.ts'
import { EAGAIN, EINTR } from '../kernel/libc/errno.ts'
import { utf8 } from '../kernel/libc/memory.ts'
import * as terminals from '../kernel/libc/terminals.ts'

const POLL_IN = 1
const POLL_OUT = 4

/** Writes the whole text in order before it returns. Returns 0, or a negative errno: the rest of the text is lost. */
export function writeText(fd: 1 | 2, text: string): number {
  let rest = utf8(text)
  while (rest.length > 0) {
    const written = write(fd, rest)
    if (written >= 0) rest = rest.subarray(written)
    else if (written === -EAGAIN) isWritable(fd, FOREVER)
    else if (written !== -EINTR) return written
  }
  return 0
}

export const isTerminal = (fd: 0 | 1 | 2): boolean => terminals.isTerminal(fd)

export interface TerminalSize {
  readonly columns: number
  readonly rows: number
}

/** Infinity if the terminal reports 0 columns (a serial line, a bare pty). */
export function terminalSize(fd: 0 | 1 | 2): TerminalSize {
  const size = new Uint16Array(4)
  const isKnown = terminals.ioctl(fd, terminals.TIOCGWINSZ, size) >= 0
  const [rows = 0, columns = 0] = isKnown ? size : []
  return { columns: columns || Number.POSITIVE_INFINITY, rows: rows || Number.POSITIVE_INFINITY }
}

const FOREVER = -1

/** Whether a write would not block, now or within the timeout. */
export const isWritable = (fd: number, timeoutMs: number): boolean => isReady(fd, POLL_OUT, timeoutMs)

/** Whether there is something to read, now or within the timeout. */
export const isReadable = (fd: number, timeoutMs = 0): boolean => isReady(fd, POLL_IN, timeoutMs)

function isReady(fd: number, event: number, timeoutMs: number): boolean {
  const polled = new Uint8Array(8)
  const view = new DataView(polled.buffer)
  view.setInt32(0, fd, true)
  view.setInt16(4, event, true)
  return poll(polled, 1, timeoutMs) > 0 && (view.getInt16(6, true) & event) !== 0
}
