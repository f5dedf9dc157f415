import { O_NOCTTY, O_RDWR, open } from './libc/descriptors.ts'
import { errorText } from './libc/library.ts'
import { ioctl, TIOCGPTN, TIOCSPTLCK, TIOCSWINSZ } from './libc/terminals.ts'

export interface PseudoTerminal {
  /** Our end. */
  readonly master: number
  /** The terminal itself, for a child. */
  readonly terminal: number
  readonly path: string
}

/** A new terminal that nobody controls yet (pts(4)). */
export function openPseudoTerminal(): PseudoTerminal {
  const master = opened('/dev/ptmx')
  const number = new Uint8Array(4)
  must(ioctl(master, TIOCSPTLCK, new Uint8Array(4)))
  must(ioctl(master, TIOCGPTN, number))
  const path = `/dev/pts/${new DataView(number.buffer).getUint32(0, true)}`
  return { master, terminal: opened(path), path }
}

/** The processes in the foreground get SIGWINCH. */
export function resizeTerminal(fd: number, { columns, rows }: { columns: number; rows: number }): void {
  ioctl(fd, TIOCSWINSZ, new Uint16Array([rows, columns, 0, 0]))
}

const opened = (path: string): number => must(open(path, O_RDWR | O_NOCTTY))

function must(result: number): number {
  if (result < 0) throw new Error(`cannot open a terminal: ${errorText(-result)}`)
  return result
}
