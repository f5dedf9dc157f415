import type { TestPool } from './pool.ts'
import { until } from './until.ts'

/** A real terminal. The program on it is the session leader. */
export interface TestTerminal extends Disposable {
  readonly process: Bun.Subprocess
  /** All output so far. */
  readonly shown: string
  type(keys: string): void
  resize(columns: number, rows: number): void
  /** Waits until the text appears after the text of the last such wait. */
  see(text: string): Promise<void>
  /** Closes the terminal, as a dropped connection does. */
  hangUp(): void
}

export const CTRL_C = '\u0003'
export const CTRL_Z = '\u001a'
export const CTRL_BACKSLASH = '\u001c'

interface TerminalOptions {
  readonly env?: Record<string, string>
  readonly columns?: number
  readonly rows?: number
}

export function openTerminal(
  pool: TestPool,
  argv: string[],
  { env = {}, columns = 200, rows = 50 }: TerminalOptions = {},
): TestTerminal {
  const decoder = new TextDecoder()
  let shown = ''
  /** Where the text of the last wait ends. */
  let position = 0
  const child = Bun.spawn(argv, {
    env: { ...pool.env, TERM: 'xterm', PS1: 'prompt> ', ...env },
    cwd: pool.folder,
    terminal: {
      cols: columns,
      rows,
      data: (_terminal, bytes) => {
        shown += decoder.decode(bytes, { stream: true })
      },
    },
  })
  const terminal = child.terminal
  if (terminal === undefined) throw new Error('no terminal')
  return {
    process: child,
    get shown() {
      return shown
    },
    type: (keys) => terminal.write(keys),
    resize: (columns, rows) => terminal.resize(columns, rows),
    async see(text) {
      const at = await until(`the terminal shows ${JSON.stringify(text)}`, () => {
        const found = shown.indexOf(text, position)
        return found < 0 ? null : { found }
      }).catch((error) => {
        throw new Error(`${error.message}; it shows ${JSON.stringify(shown.slice(position))}`)
      })
      position = at.found + text.length
    },
    hangUp: () => terminal.close(),
    [Symbol.dispose]() {
      terminal.close()
      child.kill('SIGKILL')
    },
  }
}

/** An interactive shell with job control. */
export const openShell = (pool: TestPool, options: TerminalOptions = {}): TestTerminal =>
  openTerminal(pool, ['bash', '--norc', '--noprofile', '-i'], options)
