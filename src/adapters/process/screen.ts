import type { Screen } from '../../ports/screen.ts'
import { readInto } from '../kernel/libc/descriptors.ts'
import { kill } from '../kernel/libc/process.ts'
import { SIGSTOP, SIGTSTP } from '../kernel/libc/programs.ts'
import { signalMasks } from './parent.ts'
import { isReadable, isTerminal, terminalSize, writeText } from './terminal.ts'
import { isInForeground, readModes, setModes, withoutLines } from './terminal-modes.ts'

/** The alternate screen, without scroll-back, cursor or line wrap; the terminal discards it at the end. */
const ENTER = '\u001b[?1049h\u001b[?25l\u001b[?7l\u001b[2J'
const LEAVE = '\u001b[?7h\u001b[?25h\u001b[?1049l'
const HOME = '\u001b[H'
const CLEAR = '\u001b[2J'
const ERASE_ROW = '\u001b[K'
/** Erases this row and all below. */
const ERASE_REST = '\u001b[J'

/** The signals that end the screen: the terminal is restored before this process exits. */
const ENDING = { SIGHUP: 1, SIGINT: 2, SIGQUIT: 3, SIGTERM: 15 } as const
/** How often to check for a typed key. A listener would also read keys that are meant for the shell (after `bg`). */
const KEYS_EVERY_MS = 100

/** Takes over the terminal of stdout, and the keys of stdin if it is a terminal. */
export function openScreen(): Screen {
  const modes = isTerminal(0) ? readModes(0) : null
  const { promise: left, resolve: leaveWait } = Promise.withResolvers<'left'>()
  let isShown = false
  let lines: readonly string[] = []

  const enter = () => {
    if (modes !== null) setModes(0, withoutLines(modes))
    writeText(1, ENTER)
    isShown = true
  }
  /** In the background the shell has already set its own modes, and setting ours would stop this process. */
  const leave = () => {
    if (!isShown) return
    isShown = false
    if (!isInForeground(1)) return
    writeText(1, LEAVE)
    if (modes !== null) setModes(0, modes)
  }
  const draw = (before = '') => {
    if (!isInForeground(1)) return
    if (!isShown) enter()
    // A row is erased before its line is written: after a line that fills the row, the cursor is on its last character.
    const text = lines.map((line, at) => (at < lines.length - 1 ? ERASE_ROW : ERASE_REST) + line).join('\r\n')
    writeText(1, `${before}${HOME}${text}`)
  }
  const end = () => {
    leave()
    leaveWait('left')
  }
  const suspend = () => {
    leave()
    kill(process.pid, SIGSTOP)
  }
  const resize = { act: () => draw(CLEAR) }

  const ignored = signalMasks('self')?.ignored ?? 0n
  const isOurs = (signal: number) => ((ignored >> BigInt(signal - 1)) & 1n) === 0n
  for (const [name, number] of Object.entries(ENDING)) if (isOurs(number)) process.on(name, end)
  if (isOurs(SIGTSTP)) process.on('SIGTSTP', suspend)
  process.on('SIGCONT', () => draw(CLEAR))
  process.on('SIGWINCH', () => resize.act())
  const keys = setInterval(() => {
    if (isShown && isInForeground(1) && typedKeys().includes('q')) end()
  }, KEYS_EVERY_MS)

  return {
    hasKeys: modes !== null,
    get size() {
      return terminalSize(1)
    },
    left,
    draw: (drawn) => {
      lines = drawn
      draw()
    },
    onResize: (redraw) => {
      resize.act = () => {
        redraw()
        draw(CLEAR)
      }
    },
    close: () => {
      clearInterval(keys)
      leave()
    },
  }
}

function typedKeys(): string {
  const keys = new Uint8Array(64)
  if (!isTerminal(0) || !isReadable(0)) return ''
  const length = readInto(0, keys)
  return length > 0 ? Buffer.from(keys.buffer, 0, length).toString('latin1') : ''
}
