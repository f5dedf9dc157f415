import { isTerminal, terminalSize, writeText } from '../adapters/process/terminal.ts'
import type { Output } from '../views/words/printed.ts'

/** A standard stream of this process. */
export function standardStream(fd: 1 | 2): Output {
  const terminal = isTerminal(fd)
  const color = terminal && (process.env.NO_COLOR ?? '') === '' && process.env.TERM !== 'dumb'
  return {
    write: (text) => writeText(fd, text),
    terminal,
    color,
    get columns() {
      return terminal ? terminalSize(fd).columns : Number.POSITIVE_INFINITY
    },
  }
}
