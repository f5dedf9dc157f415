import { c, onArm, outcome } from './library.ts'
import { addressOf, type Bytes } from './memory.ts'

/** Read and set the size of a terminal (ioctl_tty(2)). */
export const TIOCGWINSZ = 0x5413
export const TIOCSWINSZ = 0x5414
/** Makes a terminal the controlling terminal of this session. */
export const TIOCSCTTY = 0x540e
/** Unlocks a new pseudo-terminal, and reads its number. */
export const TIOCSPTLCK = 0x40045431
export const TIOCGPTN = 0x80045430
/** Reads the process group in the foreground of a terminal. */
export const TIOCGPGRP = 0x540f
/** Read and set the modes of a terminal. */
export const TCGETS = 0x5401
export const TCSETS = 0x5402

export const isTerminal = (fd: number): boolean => c.isatty(fd) === 1
export const ioctl = (fd: number, request: number, argument: Bytes | Uint16Array<ArrayBuffer>): number =>
  outcome(c.syscall(onArm ? 29 : 16, fd, request, addressOf(argument), 0, 0))
