import { ioctl, TCGETS, TCSETS, TIOCGPGRP } from '../kernel/libc/terminals.ts'
import { processStat } from '../kernel/processes.ts'

/** `struct termios` of the kernel: four flag words, the line discipline, 19 characters. */
export type Modes = Uint8Array<ArrayBuffer>

const TERMIOS_BYTES = 36
const INPUT_AT = 0
const OUTPUT_AT = 4
const LOCAL_AT = 12
const VTIME_AT = 17 + 5
const VMIN_AT = 17 + 6

/** ISTRIP, INLCR, IGNCR, ICRNL, IUCLC, IXON, IXANY, IXOFF. */
const INPUT_CHANGES = 0x20 | 0x40 | 0x80 | 0x100 | 0x200 | 0x400 | 0x800 | 0x1000
const IGNPAR = 0x4
const OPOST = 0x1
const ISIG = 0x1
const ICANON = 0x2
const ECHO = 0x8
/** ECHO, ECHOE, ECHOK, ECHONL. */
const ECHOES = ECHO | 0x10 | 0x20 | 0x40
const IEXTEN = 0x8000

/** Null if the descriptor is not a terminal. */
export function readModes(fd: number): Modes | null {
  const modes = new Uint8Array(TERMIOS_BYTES)
  return ioctl(fd, TCGETS, modes) < 0 ? null : modes
}

export function setModes(fd: number, modes: Modes): void {
  ioctl(fd, TCSETS, modes)
}

/** Keys arrive one at a time without echo. Ctrl-C and Ctrl-Z still send signals. */
export const withoutLines = (modes: Modes): Modes => changed(modes, [{ at: LOCAL_AT, clear: ICANON | ECHO }])

/** Every byte passes unchanged in both directions, and no key sends a signal, as with `ssh -t`. */
export function rawModes(modes: Modes): Modes {
  const raw = changed(modes, [
    { at: INPUT_AT, clear: INPUT_CHANGES, set: IGNPAR },
    { at: OUTPUT_AT, clear: OPOST },
    { at: LOCAL_AT, clear: ISIG | ICANON | ECHOES | IEXTEN },
  ])
  raw[VMIN_AT] = 1
  raw[VTIME_AT] = 0
  return raw
}

/** Also true if the terminal is not our controlling terminal: then it stops no process. */
export function isInForeground(fd: number): boolean {
  const group = new Uint8Array(4)
  if (ioctl(fd, TIOCGPGRP, group) < 0) return true
  return new DataView(group.buffer).getInt32(0, true) === processStat('self')?.processGroup
}

interface Change {
  /** Where the flag word is. */
  readonly at: number
  readonly clear: number
  readonly set?: number
}

function changed(modes: Modes, changes: readonly Change[]): Modes {
  const result = modes.slice()
  const view = new DataView(result.buffer)
  for (const { at, clear, set = 0 } of changes) {
    view.setUint32(at, (view.getUint32(at, true) & ~clear) | set, true)
  }
  return result
}
