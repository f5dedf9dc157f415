import type { SetUpProgress } from '../../app/set-up.ts'
import type { Millis } from '../../domain/pool/model.ts'
import { logTime } from './clock-time.ts'
import { ERASE_LINE, liveLine } from './live-line.ts'
import type { Output } from './printed.ts'
import { progressBar } from './progress-bar.ts'

/** A set-up that is shorter prints no progress. */
const SILENT_MS: Millis = 1_000
/** Time between two lines of the same task in a log file. */
const LINE_EVERY_MS: Millis = 10_000

const WORDS: Readonly<Record<SetUpProgress['task'], string>> = {
  read: 'Reading the usage records',
  write: 'Writing the usage records',
}

interface Clocks {
  readonly now: () => Millis
  readonly steadyClock: () => Millis
}

/**
 * Prints the progress of a long set-up: a bar on a terminal; elsewhere a line with the time for each task, and more lines
 * if a task takes long.
 */
export class SetUpProgressLine {
  readonly #stderr: Output
  readonly #clocks: Clocks
  /** The time of the first report. */
  #startedAt: Millis | undefined
  #shown: { readonly task: SetUpProgress['task']; readonly text: string; readonly at: Millis } | undefined

  constructor(stderr: Output, clocks: Clocks) {
    this.#stderr = stderr
    this.#clocks = clocks
  }

  show({ task, part }: SetUpProgress): void {
    const at = this.#clocks.steadyClock()
    this.#startedAt ??= at
    if (at - this.#startedAt < SILENT_MS) return
    const text = `${Math.floor(part * 100)}%`
    const shown = this.#shown
    if (shown?.task === task && (shown.text === text || !this.#isDue(at - shown.at))) return
    this.#shown = { task, text, at }
    const { terminal, columns, write } = this.#stderr
    write(
      terminal
        ? liveLine(`${progressBar(part)} ${text.padStart(4)} ${WORDS[task]}`, columns)
        : `${logTime(this.#clocks.now())} ${WORDS[task]}: ${text}\n`,
    )
  }

  #isDue(sinceShown: Millis): boolean {
    return this.#stderr.terminal || sinceShown >= LINE_EVERY_MS
  }

  /** Erases the bar. */
  close(): void {
    if (this.#stderr.terminal && this.#shown !== undefined) this.#stderr.write(ERASE_LINE)
  }
}
