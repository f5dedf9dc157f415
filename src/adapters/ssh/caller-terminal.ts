import { ioctl, isTerminal, TIOCGWINSZ } from '../kernel/libc/terminals.ts'
import { isInForeground, type Modes, rawModes, readModes, setModes } from '../process/terminal-modes.ts'

/** Our terminal, while the terminal of a command on another host is shown in it. */
export class CallerTerminal {
  /** Its modes before we took it over. */
  #before: Modes | null = null

  /** Passes every key to the host. In the background that would stop this process; SIGCONT announces the foreground. */
  takeOver(): void {
    if (!isInForeground(0)) return
    this.#before ??= readModes(0)
    if (this.#before !== null) setModes(0, rawModes(this.#before))
  }

  get size(): { readonly columns: number; readonly rows: number } {
    const size = new Uint16Array(4)
    ioctl(0, TIOCGWINSZ, size)
    const [rows = 0, columns = 0] = size
    return { columns, rows }
  }

  close(): void {
    if (this.#before !== null && isInForeground(0)) setModes(0, this.#before)
    this.#before = null
  }

  /** A process in the background that reads its terminal is stopped. */
  static mayRead(): boolean {
    return !isTerminal(0) || isInForeground(0)
  }
}
