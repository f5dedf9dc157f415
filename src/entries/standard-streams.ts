import { losesOutput } from '../adapters/kernel/libc/errno.ts'
import { errorText } from '../adapters/kernel/libc/library.ts'
import { isTerminal, terminalSize, writeText } from '../adapters/process/terminal.ts'
import type { Output } from '../views/words/printed.ts'

/** A standard stream of this process. */
export function standardStream(fd: 1 | 2): Output {
  const terminal = isTerminal(fd)
  const color = terminal && (process.env.NO_COLOR ?? '') === '' && process.env.TERM !== 'dumb'
  let failure = 0
  return {
    write: (text) => {
      const written = writeText(fd, text)
      if (written < 0 && losesOutput(-written)) failure = -written
    },
    get lost() {
      return failure === 0 ? undefined : errorText(failure)
    },
    terminal,
    color,
    get columns() {
      return terminal ? terminalSize(fd).columns : Number.POSITIVE_INFINITY
    },
  }
}
