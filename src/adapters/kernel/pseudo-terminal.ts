import * as libc from './libc.ts'

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
  must(libc.ioctl(master, libc.TIOCSPTLCK, new Uint8Array(4)))
  must(libc.ioctl(master, libc.TIOCGPTN, number))
  const path = `/dev/pts/${new DataView(number.buffer).getUint32(0, true)}`
  return { master, terminal: opened(path), path }
}

/** The processes in the foreground get SIGWINCH. */
export function resizeTerminal(fd: number, { columns, rows }: { columns: number; rows: number }): void {
  libc.ioctl(fd, libc.TIOCSWINSZ, new Uint16Array([rows, columns, 0, 0]))
}

const opened = (path: string): number => must(libc.open(path, libc.O_RDWR | libc.O_NOCTTY))

function must(result: number): number {
  if (result < 0) throw new Error(`cannot open a terminal: ${libc.errorText(-result)}`)
  return result
}
